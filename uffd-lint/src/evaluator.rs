//! The state of computing a file's constants and layouts. What computes is in
//! `eval` (expressions), `calls` and `layout`, which need each other: each adds
//! its part to the one type, and none knows the other's file.

use std::collections::HashMap;
use std::rc::Rc;

use crate::facts::{Facts, Function};
use crate::source::{Source, Tokens};
use crate::target::Target;
use crate::types::{Layout, Placed};

/// How deep parentheses, calls and names made of names may be nested.
const DEPTH: usize = 48;
/// How much may be computed for a file.
const STEPS: usize = 1_000_000;

/// Why a value that only names a constant of another file is none.
pub const ELSEWHERE: &str = "its value is in another file";

/// A call of a function of the file that is being computed.
pub(crate) struct Frame<'f, 'a> {
    pub function: &'f Function<'a>,
    pub arguments: Vec<Tokens>,
    pub outer: Option<Rc<Frame<'f, 'a>>>,
}

/// Computes the constants and layouts of a file.
pub struct Evaluator<'f, 'a> {
    pub(crate) source: &'f Source<'a>,
    pub(crate) facts: &'f Facts<'a>,
    /// For which values are computed.
    pub(crate) target: Target,
    pub(crate) frame: Option<Rc<Frame<'f, 'a>>>,
    pub(crate) depth: usize,
    pub(crate) steps: usize,
    /// Whether the source itself says a part of the value. An expression that
    /// only names a constant of another file proves nothing.
    pub(crate) own: bool,
    pub(crate) constants: HashMap<usize, Result<i128, String>>,
    pub(crate) layouts: HashMap<usize, Result<(Vec<Placed<'a>>, Layout), String>>,
    /// The constant that is being computed, for names and conditions.
    pub(crate) current: Option<usize>,
    pub(crate) iota: Option<u32>,
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
            own: false,
            constants: HashMap::new(),
            layouts: HashMap::new(),
            current: None,
            iota: None,
        }
    }

    pub(crate) fn deeper(&mut self) -> Result<(), String> {
        self.steps += 1;
        if self.depth >= DEPTH {
            return Err("it is nested too deeply".into());
        }
        if self.steps > STEPS {
            return Err("the file takes too much computing".into());
        }
        self.depth += 1;
        Ok(())
    }

    pub(crate) fn shallower(&mut self) {
        self.depth -= 1;
    }

    pub(crate) fn shown(&self, at: usize) -> String {
        let text = String::from_utf8_lossy(self.source.text(at));
        text.chars().take(40).collect()
    }

    pub(crate) fn is_local(&self, first: usize, last: usize) -> bool {
        let root = self.source.text(first);
        first == last || matches!(root, b"self" | b"Self" | b"crate" | b"super" | b"cls")
    }

    /// What a parameter of the function that is being computed stands for, and
    /// where that is to be computed; anything else is returned as it is.
    #[allow(clippy::type_complexity)]
    pub(crate) fn resolve(&self, tokens: Tokens) -> (Tokens, Option<Rc<Frame<'f, 'a>>>) {
        let (mut tokens, mut frame) = (tokens, self.frame.clone());
        while let Some(open) = frame.as_ref().filter(|_| tokens.len() == 1) {
            let name = self.source.text(tokens.start);
            let Some(at) = open
                .function
                .parameters
                .iter()
                .position(|known| *known == name)
            else {
                break;
            };
            tokens = open.arguments[at].clone();
            frame = open.outer.clone();
        }
        (tokens, frame)
    }

    pub(crate) fn source_is_own(&mut self) {
        self.own = true;
    }
}
