//! Generated code as a set of items.

use std::collections::BTreeSet;

/// The items of generated code, without white space and in no order.
pub fn items(code: &str) -> BTreeSet<String> {
    let mut items = BTreeSet::new();
    let (mut item, mut depth, mut in_string, mut escaped) = (String::new(), 0, false, false);
    for c in code
        .lines()
        .filter(|l| !l.starts_with("//"))
        .flat_map(|l| l.chars())
    {
        if in_string {
            item.push(c);
            in_string = c != '"' || escaped;
            escaped = c == '\\' && !escaped;
            continue;
        }
        if c.is_whitespace() {
            continue;
        }
        item.push(c);
        match c {
            '"' => in_string = true,
            '{' | '[' | '(' => depth += 1,
            '}' | ']' | ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 && matches!(c, ';' | '}') {
            items.insert(std::mem::take(&mut item));
        }
    }
    assert!(item.is_empty(), "{item}");
    items
}

/// An item without its documentation.
pub fn without_docs(item: &str) -> String {
    without(item, "#[doc=\"", "\"]")
}

/// An item without its documentation and its `derive`.
pub fn bare(item: &str) -> String {
    without(&without_docs(item), "#[derive(", ")]")
}

fn without(item: &str, start: &str, end: &str) -> String {
    let mut out = String::new();
    let mut rest = item;
    while let Some((before, after)) = rest.split_once(start) {
        out.push_str(before);
        rest = after.split_once(end).unwrap().1;
    }
    out + rest
}
