//! The state of computing a file's constants and layouts. What computes is in
//! `eval` (expressions), `calls` and `layout`, which need each other: each adds
//! its part to the one type, and none knows the other's file.

use std::collections::HashMap;
use std::rc::Rc;

use crate::facts::{Facts, Function};
use crate::source::{Source, Tokens};
use crate::target::Target;
use crate::types::Layout;

/// How deep parentheses, calls and names made of names may be nested.
const DEPTH: usize = 48;
/// How much may be computed for a file.
const STEPS: usize = 1_000_000;

/// Why a value that only names a constant of another file is none.
pub const ELSEWHERE: &str = "its value is in another file";

/// A call of a function of the file that is being computed.
pub struct Frame<'f, 'a> {
    pub function: &'f Function<'a>,
    pub arguments: Vec<Tokens>,
    pub outer: Calls<'f, 'a>,
}

/// The innermost call.
pub type Calls<'f, 'a> = Option<Rc<Frame<'f, 'a>>>;

/// Computes the constants and layouts of a file.
pub struct Evaluator<'f, 'a> {
    pub source: &'f Source<'a>,
    pub facts: &'f Facts<'a>,
    /// For which values are computed.
    pub target: Target,
    pub frame: Calls<'f, 'a>,
    depth: usize,
    steps: usize,
    /// How deep in types.
    pub types: usize,
    /// Whether the source itself says a part of the value. An expression that
    /// only names a constant of another file proves nothing.
    pub own: bool,
    pub constants: HashMap<usize, Result<i128, String>>,
    pub layouts: HashMap<usize, Result<Layout<'a>, String>>,
    /// The constant that is being computed, for names and conditions.
    pub current: Option<usize>,
    pub iota: Option<u32>,
}

impl<'f, 'a> Evaluator<'f, 'a> {
    /// For one file and one processor.
    pub fn new(source: &'f Source<'a>, facts: &'f Facts<'a>, target: Target) -> Self {
        Evaluator {
            source,
            facts,
            target,
            frame: None,
            depth: 0,
            steps: 0,
            types: 0,
            own: false,
            constants: HashMap::new(),
            layouts: HashMap::new(),
            current: None,
            iota: None,
        }
    }

    /// Computes something that is nested in something else.
    pub fn nested<T>(
        &mut self,
        compute: impl FnOnce(&mut Self) -> Result<T, String>,
    ) -> Result<T, String> {
        self.steps += 1;
        if self.depth >= DEPTH {
            return Err("it is nested too deeply".into());
        }
        if self.steps > STEPS {
            return Err("the file takes too much computing".into());
        }
        self.depth += 1;
        let result = compute(self);
        self.depth -= 1;
        result
    }

    /// Computes something that is written in that call.
    pub fn within<T>(&mut self, frame: Calls<'f, 'a>, compute: impl FnOnce(&mut Self) -> T) -> T {
        let outer = std::mem::replace(&mut self.frame, frame);
        let result = compute(self);
        self.frame = outer;
        result
    }

    /// The text of a token, as a message shows it.
    pub fn shown(&self, at: usize) -> String {
        let text = String::from_utf8_lossy(self.source.text(at));
        text.chars().take(40).collect()
    }

    /// Whether a path means this file.
    pub fn is_local(&self, first: usize, last: usize) -> bool {
        let root = self.source.text(first);
        first == last || matches!(root, b"self" | b"Self" | b"crate" | b"super" | b"cls")
    }

    /// What a parameter of the function that is being computed stands for, and
    /// where that is to be computed; anything else is returned as it is.
    pub fn resolve(&self, tokens: Tokens) -> (Tokens, Calls<'f, 'a>) {
        let (mut tokens, mut frame) = (tokens, self.frame.clone());
        while let Some(open) = frame.as_ref().filter(|_| tokens.len() == 1) {
            let name = self.source.text(tokens.start);
            let mut parameters = open.function.parameters.iter();
            let Some(at) = parameters.position(|known| *known == name) else {
                break;
            };
            tokens = open.arguments[at].clone();
            frame = open.outer.clone();
        }
        (tokens, frame)
    }
}
