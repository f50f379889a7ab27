//! What the collectors of all languages share.

use std::ops::Range;

use tree_sitter::Node;

use super::nodes::Nodes;
use crate::facts::{bare, read_type, Body, Constant, Facts, Struct, Style, Type, Value};
use crate::language::Language;
use crate::processors::Set;
use crate::source::{Source, Tokens};

/// What is collected of a file.
pub struct Collector<'a> {
    /// The text.
    pub source: Source<'a>,
    /// What it defines.
    pub facts: Facts<'a>,
    /// Where the grammar did not understand the text, as bytes.
    pub unread: Vec<Range<usize>>,
    /// Pieces in C, before Go's `import "C"`.
    pub embedded: Vec<tree_sitter::Range>,
    /// For which processors the code is that is visited, without its scopes.
    pub(super) active: Set,
    pub(super) scopes: Vec<Scope<'a>>,
}

/// A piece of the text that says something of what is in it.
pub(super) struct Scope<'a> {
    /// The byte where it ends.
    pub(super) end: usize,
    /// For which processors it is.
    pub(super) set: Set,
    /// The type whose members are in it.
    owner: Option<&'a [u8]>,
    /// The last enumerator with a value, and how far behind it the next one is.
    enumerators: (Option<usize>, u32),
}

/// What a language does with the nodes of its tree.
pub(super) trait Visitor<'a> {
    /// Takes what there is in a node; whether its children are visited too.
    fn visit(&mut self, collector: &mut Collector<'a>, node: Node<'_>) -> bool;
}

impl<'a> Collector<'a> {
    pub(super) fn text(&self, node: Node<'_>) -> &'a [u8] {
        &self.source.bytes[node.byte_range()]
    }

    pub(super) fn lex(&mut self, node: Node<'_>) -> Tokens {
        self.source.lex(node.byte_range())
    }

    /// A type that fills a node.
    pub(super) fn ty(&mut self, node: Node<'_>) -> Type<'a> {
        let tokens = self.lex(node);
        read_type(&self.source, tokens, 0)
    }

    /// For which processors the visited code is.
    pub(super) fn here(&self) -> Set {
        let scope = self.scopes.last();
        scope.map_or(self.active, |scope| scope.set.and(self.active))
    }

    pub(super) fn owner(&self) -> Option<&'a [u8]> {
        self.scopes.last().and_then(|scope| scope.owner)
    }

    /// From here to the byte `end`: for these processors, members of `owner`.
    pub(super) fn open(&mut self, end: usize, set: Set, owner: Option<&'a [u8]>) {
        let enumerators = (None, 0);
        self.scopes.push(Scope {
            end,
            set,
            owner,
            enumerators,
        });
    }

    /// The same, for what is in the type, enum or function that `name` names.
    pub(super) fn open_of(&mut self, node: Node<'_>, name: Option<Node<'_>>) {
        let owner = name.map(|name| bare(self.text(name)));
        self.open(node.end_byte(), self.here(), owner);
    }

    /// Leaves what has ended before this byte.
    pub(super) fn close(&mut self, byte: usize) {
        while self.scopes.last().is_some_and(|scope| byte >= scope.end) {
            self.scopes.pop();
        }
    }

    /// A constant whose name is token `at`.
    pub(super) fn constant(&mut self, at: usize, value: Value, ty: Option<Type<'a>>) -> usize {
        let style = match self.source.language {
            Language::Go | Language::Zig => Style::Camel,
            _ => Style::Kernel,
        };
        self.facts.constant(Constant {
            name: bare(self.source.text(at)),
            at,
            value,
            ty,
            processors: self.here(),
            style,
            owner: self.owner(),
            fallback: false,
        })
    }

    /// `name [: ty] = value`
    pub(super) fn definition(
        &mut self,
        name: Option<Node<'_>>,
        value: Option<Node<'_>>,
        ty: Option<Node<'_>>,
    ) {
        let name = name.filter(|name| !name.byte_range().is_empty());
        if let (Some(name), Some(value)) = (name, value) {
            let ty = ty.map(|ty| self.ty(ty));
            let at = self.lex(name).start;
            let value = self.lex(value);
            self.constant(at, Value::Expression(value, None), ty);
        }
    }

    /// The next enumerator of the innermost scope.
    pub(super) fn enumerator(&mut self, name: Option<Node<'_>>, value: Option<Node<'_>>) {
        let Some(name) = name else { return };
        let scope = self.scopes.last();
        let (base, by) = scope.map_or((None, 0), |scope| scope.enumerators);
        let at = self.lex(name).start;
        let known = value.map(|value| Value::Expression(self.lex(value), None));
        let counted = known.is_none();
        let index = self.constant(at, known.unwrap_or(Value::After(base, by)), None);
        self.facts.constants[index].style = Style::Camel;
        if let Some(scope) = self.scopes.last_mut() {
            scope.enumerators = match counted {
                true => (base, by.saturating_add(1)),
                false => (Some(index), 1),
            };
        }
    }

    /// `type name = ty`
    pub(super) fn alias(&mut self, name: Option<Node<'_>>, ty: Option<Node<'_>>) {
        if let (Some(name), Some(ty)) = (name, ty) {
            let ty = self.ty(ty);
            self.facts.aliases.insert(bare(self.text(name)), ty);
        }
    }

    /// A struct that is told at token `at`.
    pub(super) fn structure(&mut self, at: usize, name: &'a [u8], body: Body<'a>) {
        let processors = self.here();
        self.facts.structure(Struct {
            name,
            at,
            body,
            processors,
        });
    }

    /// A function that is one expression, if it is that.
    pub(super) fn function(&mut self, node: Node<'_>, name: Option<Node<'_>>) {
        // Those of C are in a declarator, maybe behind a `*`.
        let mut head = node;
        while let (Some(inner), None) = (head.field("declarator"), head.field("parameters")) {
            head = inner;
        }
        let name = name.or(head.field("name")).or(head.field("declarator"));
        let generic = match self.source.language {
            Language::Cpp => {
                let template = node
                    .parent()
                    .filter(|it| it.kind() == "template_declaration");
                template.and_then(|template| template.field("parameters"))
            }
            _ => node.field("type_parameters"),
        };
        let list = head.field("parameters").or(head.of_kind("parameters"));
        let body = node.field("body").and_then(|body| self.returned(body));
        let (Some(name), Some(body)) = (name, body) else {
            return;
        };
        let mut parameters = generic.map_or(vec![], |list| self.parameters(list));
        let generic = parameters.len();
        parameters.extend(list.into_iter().flat_map(|list| self.parameters(list)));
        let name = self.text(name);
        self.facts.function(name, parameters, generic, body);
    }

    /// The names in a list of parameters; `.` is that of a macro's `...`.
    pub(super) fn parameters(&mut self, list: Node<'_>) -> Vec<&'a [u8]> {
        let (mut tokens, source) = (self.lex(list), &self.source);
        // That of a lambda is without brackets.
        if source.is(tokens.start, b"(") || source.is(tokens.start, b"<") {
            tokens = tokens.start + 1..tokens.end - 1;
        }
        let is_name = |at: &usize| match source.text(*at) {
            b"mut" | b"comptime" | b"const" | b"void" => false,
            text => source.is_ident(*at) || text == b".",
        };
        let name = |mut part: Tokens| match source.language.is_c_family() {
            true => part.rfind(is_name),
            false => part.find(is_name),
        };
        let names = source.split(tokens, b",").into_iter().filter_map(name);
        names.map(|at| source.text(at)).collect()
    }

    /// The one expression of a function with this body.
    fn returned(&mut self, body: Node<'_>) -> Option<Tokens> {
        // Longer ones are more than that.
        if body.byte_range().len() > 2000 {
            return None;
        }
        let mut tokens = self.lex(body);
        let rust = self.source.language == Language::Rust;
        let block = matches!(body.kind(), "block" | "compound_statement");
        if block && self.source.is(tokens.start, b"{") {
            tokens = tokens.start + 1..tokens.end - 1;
        }
        // What `let` gives a name is found as a constant.
        let mut statements = self.source.split(tokens, b";");
        let mut last = statements.pop()?;
        let named = |before: &Tokens| rust && self.source.is(before.start, b"let");
        if !statements.iter().all(named) {
            return None;
        }
        if self.source.is(last.start, b"return") {
            last.start += 1;
        } else if block && !rust {
            return None;
        }
        Some(last)
    }

    /// A call, if it is one of ioctl(2) with a number.
    pub(super) fn call(&mut self, node: Node<'_>) {
        let Some(function) = node.field("function") else {
            return;
        };
        let arguments = match node.field("arguments") {
            Some(arguments) => arguments.parts(),
            None => node.parts().into_iter().skip(1).collect(),
        };
        let name = self.text(function);
        // A call of what a call returned may be as long as the text.
        let name = &name[name.len().saturating_sub(64)..];
        let mut path = name.rsplit(|byte| matches!(byte, b'.' | b':'));
        let name = path.next().unwrap_or(name).to_ascii_lowercase();
        let first = arguments
            .first()
            .map_or(vec![], |first| self.text(*first).to_ascii_lowercase());
        let code = if name.ends_with(b"ioctl") {
            arguments.get(1)
        } else if name.ends_with(b"syscall") || name.starts_with(b"syscall") {
            // syscall(SYS_ioctl, fd, code, …)
            arguments.get(2).filter(|_| first.ends_with(b"ioctl"))
        } else {
            None
        };
        if let Some(code) = code {
            let tokens = self.lex(*code);
            self.facts.requests.push(tokens);
        }
    }
}
