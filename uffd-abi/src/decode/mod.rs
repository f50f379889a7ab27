//! `uffd-abi decode`: what a number or the bytes of a message mean. It owns the
//! reading of both; it may use the pinned table, the names, `arch` and `output`.

pub mod input;
pub mod message;
pub mod number;

use anstyle::Style;
use serde::Serialize;

use crate::cli::DecodeArgs;
use crate::findings::Exit;
use crate::output::{paint, say, Output, DIM, HEAD};
use input::Value;
use message::Message;
use number::Reading;

/// A number, as JSON has it too.
#[derive(Debug, Serialize)]
struct Number<'a> {
    input: &'a str,
    /// A string, because not every reader of JSON has 64 bits.
    value: String,
    readings: Vec<Reading>,
}

/// Runs the command.
pub fn run(args: &DecodeArgs, out: &mut Output) -> Exit {
    let parsed = args.values.iter().map(|text| input::parse(text)).collect();
    let parsed: Result<Vec<Value>, String> = parsed;
    let file = args.messages.as_deref().map_or(Ok(vec![]), input::read);
    let (values, from_file) = match (parsed, file) {
        (Ok(values), Ok(from_file)) => (values, from_file),
        (Err(why), _) | (_, Err(why)) => {
            say(why);
            return Exit::Unchecked;
        }
    };

    let mut numbers = vec![];
    let mut messages = vec![];
    for (value, input) in values.into_iter().zip(&args.values) {
        match value {
            Value::Number(value) => numbers.push(Number {
                input,
                value: format!("{value:#x}"),
                readings: number::readings(value, &args.kinds, args.arch.as_ref()),
            }),
            Value::Messages(more) => messages.extend(more),
        }
    }
    messages.extend(from_file);
    let messages = messages.iter();
    let messages: Vec<Message> = messages
        .map(|bytes| message::decode(bytes, args.arch.as_ref()))
        .collect();

    numbers.iter().for_each(|number| show_number(number, out));
    messages
        .iter()
        .for_each(|message| show_message(message, out));
    out.data("numbers", &numbers);
    out.data("messages", &messages);
    let summary = format!("Numbers: {}, messages: {}", numbers.len(), messages.len());
    out.finish_showing(&paint(DIM, summary))
}

fn show_number(number: &Number, out: &mut Output) {
    let title = if number.input == number.value {
        number.value.clone()
    } else {
        format!("{} is {}", number.input, number.value)
    };
    out.line(paint(HEAD, title));
    for reading in &number.readings {
        let on = reading
            .processors
            .as_ref()
            .map_or(String::new(), |processors| format!("on {processors}: "));
        let text = format!("  {:<18} {on}{}", reading.kind, reading.text);
        out.wrapped(Style::new(), &text, "      ");
    }
    if number.readings.is_empty() {
        out.line("  No constant has this value, and no field has one of these bits.");
    }
}

fn show_message(message: &Message, out: &mut Output) {
    out.line(paint(HEAD, &message.event));
    for (name, text) in &message.fields {
        out.wrapped(Style::new(), &format!("  {name:<18} {text}"), "      ");
    }
}
