//! The disturbances. Each is something that a kernel does: it names the case of the
//! conformance suite (verification/conformance) that shows it.

use clap::ValueEnum;
use serde::Serialize;

/// A kind of disturbance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A fill or protect answers EAGAIN with nothing done, once
    EagainOnce,
    /// The same 30 times in a row
    EagainMany,
    /// The same until 30 ms have passed, however often it is called
    EagainWhile,
    /// A fill of several pages does one, and answers EAGAIN
    EagainPart,
    /// A fill answers EEXIST: the page is there, and its thread not woken
    Eexist,
    /// A fill of several pages answers ENOENT, as over two mappings
    EnoentBatch,
    /// A read or poll that would wait answers EINTR
    Eintr,
    /// A non-blocking read answers EAGAIN although poll said that it is ready
    ReadEagain,
    /// A read returns one message although more wait
    ShortBatch,
    /// A fault sends its message twice
    Duplicate,
    /// Each call is delayed for some milliseconds
    Delay,
}

impl Kind {
    /// Its name on the command line and in reports.
    pub fn name(self) -> String {
        let value = self.to_possible_value().expect("none is hidden");
        value.get_name().to_owned()
    }

    /// What it does, in a line.
    pub fn about(self) -> String {
        let value = self.to_possible_value().expect("none is hidden");
        value
            .get_help()
            .map(ToString::to_string)
            .unwrap_or_default()
    }

    /// The case that shows that a kernel does so.
    pub fn case(self) -> &'static str {
        match self {
            Kind::EagainOnce => "copy-eagain-event",
            Kind::EagainMany => "handler-eagain-yield",
            Kind::EagainWhile => "handler-eagain-read",
            Kind::EagainPart => "copy-eagain-partial",
            Kind::Eexist => "copy-eexist-does-not-wake",
            Kind::EnoentBatch => "copy-enoent-across-mappings",
            Kind::Eintr => "read-eintr",
            Kind::ReadEagain => "lifetime-signal-handler-during-fault",
            Kind::ShortBatch => "read-several-messages",
            Kind::Duplicate => "read-twice-after-signal",
            Kind::Delay => "events-remove-waits",
        }
    }

    /// Whether the tool does a part of the call itself, so that the kernel must
    /// keep a signal from restarting it (Linux 5.19): after a restart the program
    /// would meet an EEXIST that no kernel gives, or miss a message.
    pub fn does_the_call(self) -> bool {
        matches!(
            self,
            Kind::EagainPart | Kind::Eexist | Kind::ShortBatch | Kind::Duplicate
        )
    }

    /// Whether the tool must have the descriptor itself: to do a part of the call, or
    /// to see whether the call would wait.
    pub fn takes_the_descriptor(self) -> bool {
        self.does_the_call() || matches!(self, Kind::Eintr | Kind::ReadEagain)
    }

    /// What was not met, in the program's terms.
    pub fn not_met(self) -> &'static str {
        match self {
            Kind::EagainOnce | Kind::EagainMany | Kind::EagainWhile => {
                "the program never made such a call"
            }
            Kind::EagainPart | Kind::EnoentBatch => {
                "the program never filled several pages at once"
            }
            Kind::Eexist => {
                "the program never filled a page with COPY, ZEROPAGE, CONTINUE or POISON"
            }
            Kind::Eintr => "no read or poll of a userfaultfd had to wait",
            Kind::ReadEagain => "no non-blocking read had a message to read",
            Kind::ShortBatch => "no read had several messages to read",
            Kind::Duplicate => "no read had a fault to read",
            Kind::Delay => "the program never made such a call",
        }
    }
}

/// Numbers that look random and are the same for the same seed (xorshift64*).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        // Zero would stay zero.
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// One below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % end
    }
}
