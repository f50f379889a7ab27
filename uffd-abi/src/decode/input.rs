//! What there is to decode: numbers, and messages as digits or as bytes.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::output::one_line;

/// The bytes of a message.
pub type Bytes = [u8; 32];

/// An argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A number; a negative one of 32 bits as its unsigned 32 bits.
    Number(u64),
    /// One message or more.
    Messages(Vec<Bytes>),
}

/// More messages than anybody reads; and an end, if there is none to the input.
const MOST_BYTES: u64 = 16 << 20;

/// Reads an argument: a number in decimal or after `0x`, or messages of 64
/// hexadecimal digits each, with or without spaces.
///
/// # Errors
///
/// What is wrong with it.
pub fn parse(text: &str) -> Result<Value, String> {
    let compact: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let hex = compact
        .strip_prefix("0x")
        .or_else(|| compact.strip_prefix("0X"));
    let digits = hex.unwrap_or(&compact);
    let is_hex = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit());
    if is_hex && digits.len() > 20 {
        return messages(digits);
    }
    let shown = one_line(text.get(..40).unwrap_or(text));
    let number = match (hex, compact.strip_prefix('-')) {
        (Some(digits), _) if is_hex => u64::from_str_radix(digits, 16).ok(),
        (None, None) => compact.parse().ok(),
        // C programs log requests as `int`, and musl passes them as one.
        (None, Some(_)) => match compact.parse::<i32>() {
            Ok(number) => Some(u64::from(number as u32)),
            Err(_) => return Err(format!("{shown}: a negative number has 32 bits")),
        },
        _ => None,
    };
    number.map(Value::Number).ok_or_else(|| {
        let hint = if hex.is_none() && is_hex && digits.bytes().any(|b| b.is_ascii_alphabetic()) {
            format!("; if it is hexadecimal, write 0x{digits}")
        } else {
            String::new()
        };
        format!(
            "{shown}: not a number of 64 bits in decimal or after 0x, nor a message of 64 \
             hexadecimal digits{hint}"
        )
    })
}

fn messages(digits: &str) -> Result<Value, String> {
    if digits.len() % 64 != 0 {
        return Err(format!(
            "{} hexadecimal digits: a message has 64, and a number at most 16",
            digits.len()
        ));
    }
    let nibbles: Vec<u8> = digits
        .chars()
        .filter_map(|digit| digit.to_digit(16))
        .map(|digit| digit as u8)
        .collect();
    let bytes: Vec<u8> = nibbles
        .chunks_exact(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect();
    Ok(Value::Messages(chunks(&bytes)))
}

fn chunks(bytes: &[u8]) -> Vec<Bytes> {
    let chunks = bytes.chunks_exact(32);
    chunks
        .map(|chunk| chunk.try_into().expect("32 bytes"))
        .collect()
}

/// Reads messages, as read(2) gives them, from a file or, for `-`, from
/// standard input.
///
/// # Errors
///
/// What is wrong with it.
pub fn read(file: &Path) -> Result<Vec<Bytes>, String> {
    let name = one_line(&file.display().to_string());
    let result = match name.as_str() {
        "-" => from(io::stdin().lock()),
        _ => File::open(file)
            .map_err(|error| error.to_string())
            .and_then(from),
    };
    result.map_err(|why| format!("{name}: {why}"))
}

/// Reads messages to the end.
///
/// # Errors
///
/// What is wrong with them.
pub fn from(reader: impl Read) -> Result<Vec<Bytes>, String> {
    let mut bytes = vec![];
    let mut limited = reader.take(MOST_BYTES + 1);
    limited
        .read_to_end(&mut bytes)
        .map_err(|error| error.to_string())?;
    match bytes.len() {
        0 => Err("it is empty".into()),
        n if n as u64 > MOST_BYTES => Err(format!("more than {} MiB", MOST_BYTES >> 20)),
        n if n % 32 != 0 => Err(format!("{n} bytes: a message has 32")),
        _ => Ok(chunks(&bytes)),
    }
}
