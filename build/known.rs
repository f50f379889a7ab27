//! Complete or refused: what bindgen made holds every item that this crate
//! knows, unchanged, whatever else the header adds.

use crate::items::{Item, Struct};
use crate::table::{Constant, Encoding, CONSTANTS, STRUCTS};

/// Every constant of the table, with its value; `file` is what `items` were
/// made from.
pub fn constants(items: &[Item], encoding: Encoding, file: &str) -> Result<(), String> {
    // A changed bit is named before the masks that hold it.
    let is_mask = |known: &&Constant| known.name.starts_with("UFFD_API_");
    let (masks, others): (Vec<_>, Vec<_>) = CONSTANTS.iter().partition(is_mask);
    for known in others {
        let value = value(items, known, file)?;
        if value != known.value(encoding) {
            let advice = if known.is_request() {
                OTHER_PROCESSOR
            } else {
                ""
            };
            return Err(differs(known, value, encoding, file) + advice);
        }
    }
    // They hold what the header and the back-fill know together.
    for known in masks {
        let value = value(items, known, file)?;
        if known.value(encoding) & !value != 0 {
            return Err(differs(known, value, encoding, file));
        }
    }
    Ok(())
}

fn value(items: &[Item], known: &Constant, file: &str) -> Result<u64, String> {
    let found = items.iter().find_map(|item| match item {
        Item::Constant { name, value } if name == known.name => Some(*value),
        _ => None,
    });
    found.ok_or_else(|| {
        format!(
        "{} is missing from what bindgen made of {file}: an old libclang (9 is), a full disk (bindgen \
         writes to OUT_DIR), or a definition that it cannot evaluate.",
        known.name
    )
    })
}

fn differs(known: &Constant, value: u64, encoding: Encoding, file: &str) -> String {
    let (name, expected) = (known.name, known.value(encoding));
    format!("{name} is {value} ({value:#x}) in {file}, and in Linux {expected} ({expected:#x}).")
}

const OTHER_PROCESSOR: &str = "\nIf the header is of another processor: when cross-compiling, set \
    UFFD_SYS_HEADERS to a folder with the target's headers, or to `none` for this crate's own definitions.";

/// Every struct of the table, exactly as in the committed bindings; a union
/// may have gained members, which are taken out.
pub fn structs(items: &mut [Item], committed: &[Item], file: &str) -> Result<(), String> {
    for known in STRUCTS {
        let name = known.name;
        let expected = committed
            .iter()
            .find_map(|item| is_struct(item, name))
            .ok_or_else(|| format!("the committed bindings lack {name}"))?;
        let found = items.iter_mut().find_map(|item| match item {
            Item::Struct(found) if found.name == name => Some(found),
            _ => None,
        });
        let found = found.ok_or_else(|| format!(
            "struct {name} is not what it is in Linux: {file} has what no Rust struct of integers can be."
        ))?;
        if found.is_union {
            found.fields.retain(|field| expected.fields.contains(field));
        }
        if layout(found) != layout(expected) {
            return Err(format!(
                "struct {name} is not what it is in Linux: {file} has `{}`, and Linux `{}`.",
                layout(found),
                layout(expected)
            ));
        }
        // bindgen derives less where a union has a member that it cannot copy.
        found.attributes = expected.attributes.clone();
    }
    Ok(())
}

fn is_struct<'a>(item: &'a Item, name: &str) -> Option<&'a Struct> {
    match item {
        Item::Struct(found) if found.name == name => Some(found),
        _ => None,
    }
}

/// Everything of a struct that decides its layout.
fn layout(item: &Struct) -> String {
    let repr = item.attributes.iter().filter(|a| a.contains("repr"));
    let repr = repr.map(|a| a.split_whitespace().collect::<String>() + " ");
    let fields = item.fields.iter().map(|(name, ty)| format!("{name}: {ty}"));
    format!(
        "{}{{ {} }}",
        repr.collect::<String>(),
        fields.collect::<Vec<_>>().join(", ")
    )
}
