//! What the collectors of all languages share.

use std::ops::Range;

use tree_sitter::Node;

use super::nodes::Nodes;
use crate::facts::{bare, read_type, Body, Constant, Facts, Field, Function, Struct, Style};
use crate::facts::{Type, Value};
use crate::language::Language;
use crate::processors::Set;
use crate::source::{Source, Tokens};

/// How deep structs may be nested.
pub(super) const DEPTH: usize = 32;

/// What is said of a struct that the grammar did not understand.
pub const UNPARSED: &str = "a part of it could not be parsed";

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
    pub(super) fn enumerator(&mut self, name: Node<'_>, value: Option<Node<'_>>) {
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
    pub(super) fn alias(&mut self, name: Node<'_>, ty: Node<'_>) {
        let ty = self.ty(ty);
        self.facts.aliases.insert(bare(self.text(name)), ty);
    }

    /// A struct.
    pub(super) fn structure(&mut self, name: Node<'_>, body: Body<'a>) {
        let at = self.lex(name).start;
        self.structure_at(at, bare(self.text(name)), body);
    }

    /// A struct that is told at token `at`.
    pub(super) fn structure_at(&mut self, at: usize, name: &'a [u8], body: Body<'a>) {
        let processors = self.here();
        self.facts.structure(Struct {
            name,
            at,
            body,
            processors,
        });
    }

    /// What is in a struct of Rust, Go or Zig.
    pub(super) fn body(&mut self, node: Node<'_>, depth: usize) -> Body<'a> {
        let has = |kind: &str| node.of_kind(kind).is_some();
        let go = self.source.language == Language::Go;
        let mut body = Body {
            union: has("union"),
            // Its bits are without padding; whole bytes Zig places like C's packed.
            packed: has("packed").then_some(1),
            c_layout: go || has("packed") || has("extern"),
            unclear: too_deep(depth),
            ..Body::default()
        };
        let list = node
            .field("body")
            .or(node.of_kind("field_declaration_list"));
        let parts = list.unwrap_or(node).parts().into_iter();
        for part in parts.filter(|_| depth <= DEPTH) {
            let is_field = matches!(part.kind(), "field_declaration" | "container_field");
            if part.is_error() || is_field && part.has_error() {
                body.unclear = Some(UNPARSED);
            }
            let Some(ty) = part.field("type").filter(|_| is_field) else {
                continue;
            };
            let ty = match ty.kind() {
                "struct_type" | "struct_declaration" | "union_declaration" => {
                    Type::Inline(Box::new(self.body(ty, depth + 1)))
                }
                _ => self.ty(ty),
            };
            let align = part.of_kind("byte_alignment").map(|node| self.lex(node));
            let align = align.map(|align| align.start + 2..align.end - 1);
            let names = part.fields("name");
            if go && names.is_empty() {
                body.unclear = Some("it embeds another struct");
            }
            for name in names {
                let at = self.lex(name).start;
                body.fields.push(self.field(at, ty.clone(), align.clone()));
            }
        }
        body
    }

    /// A field whose name is token `at`.
    pub(super) fn field(&self, at: usize, ty: Type<'a>, align: Option<Tokens>) -> Field<'a> {
        let name = bare(self.source.text(at));
        Field {
            name,
            at,
            ty,
            align,
        }
    }

    /// A function that is one expression, if it is that.
    pub(super) fn function(&mut self, node: Node<'_>, name: Option<Node<'_>>) {
        // Those of C are in a declarator, maybe behind a `*`.
        let mut head = node;
        while let (Some(inner), None) = (head.field("declarator"), head.field("parameters")) {
            head = inner;
        }
        let name = name.or(head.field("name")).or(head.field("declarator"));
        let (Some(name), Some(value)) = (name, self.returned(node)) else {
            return;
        };
        let mut generic = node.parts_of("type_parameters");
        let template = node
            .parent()
            .filter(|_| self.source.language == Language::Cpp);
        if let Some(template) = template.filter(|it| it.kind() == "template_declaration") {
            let list = template.parts_of("parameters").into_iter();
            generic = list.filter_map(|part| part.parts().pop()).collect();
        }
        let list = head.field("parameters").or(head.of_kind("parameters"));
        let list = list.map_or(vec![], |list| list.parts());
        let types = generic
            .iter()
            .map(|part| part.field("name").unwrap_or(*part));
        let names = types.chain(list.into_iter().flat_map(parameter));
        let function = Function {
            parameters: names.map(|name| self.text(name)).collect(),
            generic: generic.len(),
            body: self.lex(value),
        };
        let of_name = self.facts.functions.entry(self.text(name));
        of_name.or_insert(function);
    }

    /// The one expression of a function.
    fn returned<'t>(&self, function: Node<'t>) -> Option<Node<'t>> {
        let body = function.field("body")?;
        if !matches!(body.kind(), "block" | "compound_statement") {
            return Some(body);
        }
        let mut statements = body.parts();
        if let [list] = statements[..] {
            if list.kind() == "statement_list" {
                statements = list.parts();
            }
        }
        // What `let` gives a name is found as a constant.
        let mut last = statements.pop()?;
        let named = |before: &Node<'_>| before.kind() == "let_declaration";
        if !statements.iter().all(named) {
            return None;
        }
        let mut returned = self.source.language == Language::Rust;
        while let "return_statement"
        | "return_expression"
        | "expression_statement"
        | "expression_list" = last.kind()
        {
            returned |= last.kind().starts_with("return_");
            let [inner] = last.parts()[..] else {
                return None;
            };
            last = inner;
        }
        returned.then_some(last)
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

/// The names that a parameter declares.
fn parameter(node: Node<'_>) -> Vec<Node<'_>> {
    let fields = ["name", "pattern", "declarator"].into_iter();
    let mut named = fields.map(|field| node.fields(field));
    let plain = match node.kind() {
        "identifier" => Some(node),
        _ => node.of_kind("identifier"),
    };
    let named = named.find(|names| !names.is_empty());
    named.unwrap_or(plain.into_iter().collect())
}

/// What the structs in a struct at this depth are said to be, if it is too deep.
pub(super) fn too_deep(depth: usize) -> Option<&'static str> {
    (depth > DEPTH).then_some("its structs are nested too deeply")
}
