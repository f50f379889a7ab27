//! The witness of C compilers over header trees.

use std::path::{Path, PathBuf};
use std::thread;

use uffd_sys::abi::table::CONSTANTS;
use uffd_sys::abi::{c, Witness};

use super::compiler::{self, Compiler};
use super::{compare, masks, newer, Compared, Known};
use crate::cli::VerifyArgs;
use crate::findings::{Finding, Severity};

/// Which headers a compiler reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tree {
    /// The installed ones.
    System,
    /// None but uffd_sys.h.
    None,
    /// Those in this folder, which holds `linux/`, and no others; and as the
    /// user named it.
    Dir(PathBuf, String),
}

impl Tree {
    /// As for UFFD_SYS_HEADERS, by the same rule.
    ///
    /// # Errors
    ///
    /// That there is no header in it.
    pub fn new(dir: &Path) -> Result<Tree, String> {
        if dir.as_os_str() == "none" {
            return Ok(Tree::None);
        }
        [dir.join("include"), dir.join("usr/include"), dir.to_owned()]
            .into_iter()
            .find(|dir| dir.join("linux/userfaultfd.h").is_file())
            .map(|found| Tree::Dir(found, dir.display().to_string()))
            .ok_or_else(|| {
                let missing = if dir.is_dir() {
                    ""
                } else {
                    " (no such folder)"
                };
                format!(
                    "{0}{missing}: there is no linux/userfaultfd.h in {0}/include, \
                     {0}/usr/include or {0}",
                    dir.display()
                )
            })
    }

    fn name(&self) -> &str {
        match self {
            Tree::System => "the system",
            Tree::None => "none",
            Tree::Dir(_, name) => name,
        }
    }

    fn args(&self, compiler: &Compiler) -> Vec<String> {
        match self {
            Tree::System => vec![],
            Tree::None => vec!["-nostdinc".into(), "-DUFFD_SYS_NO_LINUX_HEADERS".into()],
            Tree::Dir(dir, _) => {
                let mut args = vec!["-nostdinc".into(), format!("-isystem{}", dir.display())];
                if let Some(multiarch) = compiler.multiarch() {
                    args.push(format!("-isystem{}", dir.join(multiarch).display()));
                }
                args
            }
        }
    }
}

/// The kernel's own headers. PAGEMAP_SCAN's is separate.
const KERNEL: &str = "#include <linux/userfaultfd.h>\n#include <linux/fs.h>\n\
                      #include <linux/version.h>\n";

/// All compilers over all trees that the arguments name.
pub fn witnesses(args: &VerifyArgs) -> Vec<Compared> {
    let mut done = vec![];
    let mut trees = vec![];
    for dir in &args.headers {
        match Tree::new(dir) {
            Ok(tree) => trees.push(tree),
            Err(why) => done.push(Compared::failed(format!("headers {}", dir.display()), why)),
        }
    }
    if args.headers.is_empty() {
        trees.push(Tree::System);
    }
    let mut compilers = vec![];
    for command in &args.cc {
        match Compiler::new(command) {
            Ok(compiler) => compilers.push(compiler),
            Err(why) => done.push(Compared::failed(format!("C compiler {command}"), why)),
        }
    }
    if args.cc.is_empty() {
        compilers = Compiler::installed();
        if compilers.is_empty() {
            let why = "no gcc, clang or cc here; name one with --cc";
            // Headers that were named cannot be read without a compiler.
            done.push(match args.headers.is_empty() {
                true => Compared::skip("C compiler", why),
                false => Compared::failed("C compiler", why),
            });
        }
    }
    let pairs = trees
        .iter()
        .flat_map(|tree| compilers.iter().map(move |compiler| (tree, compiler)));
    // Compilers take most of the time; each pair is on its own.
    thread::scope(|scope| {
        let running: Vec<_> = pairs
            .map(|(tree, compiler)| scope.spawn(|| witness(compiler, tree)))
            .collect();
        for thread in running {
            done.extend(thread.join().expect("a witness does not panic"));
        }
    });
    done
}

/// One compiler over one tree: the kernel's headers as they are, and with
/// uffd_sys.h after them.
pub fn witness(compiler: &Compiler, tree: &Tree) -> Vec<Compared> {
    let args = tree.args(compiler);
    let mut done = vec![];
    if *tree != Tree::None {
        let name = match tree {
            Tree::System => format!("{}, headers of the system", compiler.name()),
            _ => format!("{}, headers {}", compiler.name(), tree.name()),
        };
        done.push(match compiler.macros(&args, KERNEL) {
            Ok(macros) => raw(compiler, &args, &macros, name),
            Err(why) if *tree == Tree::System && why.contains("linux/userfaultfd.h") => {
                let why = "no linux/userfaultfd.h; install linux-libc-dev, kernel-headers or linux-headers";
                Compared::skip(name, why)
            }
            Err(why) => Compared::failed(name, why),
        });
    }
    let name = match tree {
        Tree::System | Tree::None => format!("{}, uffd_sys.h", compiler.name()),
        Tree::Dir(..) => format!("{}, uffd_sys.h, headers {}", compiler.name(), tree.name()),
    };
    done.push(match compiler.macros(&args, "") {
        Ok(macros) => completed(compiler, &args, &macros, name),
        Err(why) => Compared::failed(name, why),
    });
    done
}

/// The kernel's headers alone, which know what their Linux has.
fn raw(compiler: &Compiler, args: &[String], macros: &str, name: String) -> Compared {
    let version = linux_version(macros);
    let known = version.map_or(Known::Any, Known::Since);
    let name = match version {
        Some((x, y)) => format!("{name} ({x}.{y})"),
        None => name,
    };
    let told = match tell(compiler, args, KERNEL, &name) {
        Ok(told) => told,
        Err(why) => return Compared::failed(name, why),
    };
    let mut compared = compare(&told.witness, compiler::target(macros), known);
    masks::older(&mut compared, &told.witness, version);
    compared.check.findings.extend(told.types);
    compared.check.findings.extend(unknown(macros));
    compared.short = compiler.name();
    compared
}

/// With uffd_sys.h, after which nothing may be missing.
fn completed(compiler: &Compiler, args: &[String], macros: &str, name: String) -> Compared {
    match tell(compiler, args, c::HEADER, &name) {
        Ok(told) => {
            let mut compared = compare(&told.witness, compiler::target(macros), Known::All);
            compared.check.findings.extend(told.types);
            compared.short = compiler.name();
            compared
        }
        Err(why) => Compared::failed(name, why),
    }
}

struct Told {
    witness: Witness,
    types: Vec<Finding>,
}

/// Marks the lines that [`c::read`] is not to see.
const TYPE: &str = "type ";

/// What the compiler says: the checker's lines, and the C types of the
/// constants, which Rust's table cannot hold since C has no fixed ones.
fn tell(compiler: &Compiler, args: &[String], includes: &str, name: &str) -> Result<Told, String> {
    let mut source = c::source(includes);
    source.push_str("void uffd_abi_types(void);\nvoid uffd_abi_types(void)\n{\n");
    for constant in CONSTANTS {
        let name = constant.name;
        source.push_str(&format!(
            "#ifdef {name}\n\tTELL(\"{TYPE}{name}\", sizeof({name}), (__typeof__({name}))-1 < 0);\n#endif\n"
        ));
    }
    source.push_str("}\n");
    let assembly = compiler.assembly(args, &source)?;
    let mark = format!("->{TYPE}");
    let (types, rest): (Vec<&str>, Vec<&str>) =
        assembly.lines().partition(|line| line.contains(&mark));
    Ok(Told {
        witness: c::read(name, &rest.join("\n"))?,
        types: types.iter().filter_map(|line| wrong_type(line)).collect(),
    })
}

/// A type that makes masks lose bits: a mode that is not 64 bits wide, a
/// request code with a sign.
fn wrong_type(line: &str) -> Option<Finding> {
    let told = line.split_once(TYPE)?.1.trim_end().trim_end_matches('"');
    let mut words = told.split(' ');
    let (name, size, signed) = (words.next()?, words.next()?, words.next()? == "1");
    let c_type = match (size, signed) {
        ("8", false) => "unsigned, 64 bits".to_owned(),
        (size, signed) => {
            let sign = if signed { "signed" } else { "unsigned" };
            let bits = size.parse::<u32>().ok()? * 8;
            format!("{sign}, {bits} bits")
        }
    };
    let constant = CONSTANTS.iter().find(|constant| constant.name == name)?;
    let is_mask = name.starts_with("UFFD_API") && name != "UFFD_API_FEATURES";
    let expected = if is_mask || name.starts_with("UFFDIO_") && name.contains("_MODE_") {
        "unsigned, 64 bits"
    } else if constant.is_request() {
        "unsigned"
    } else {
        return None;
    };
    if c_type.starts_with(expected) {
        return None;
    }
    let message = format!("type is {c_type}, expected {expected}");
    let mut finding = Finding::new(Severity::Error, "mismatch", name, message);
    finding.why = Some(
        "Its complement in a mask clears the wrong bits, or it changes when it is widened.".into(),
    );
    finding.found = Some(c_type);
    finding.expected = Some(expected.to_owned());
    Some(finding)
}

fn linux_version(macros: &str) -> Option<(u32, u32)> {
    let code = macros
        .lines()
        .find_map(|line| line.strip_prefix("#define LINUX_VERSION_CODE "))?;
    let code: u32 = code.trim().parse().ok()?;
    Some((code >> 16, code >> 8 & 0xff))
}

/// Names of the kernel's patterns that the table does not have.
fn unknown(macros: &str) -> Vec<Finding> {
    let prefixes = [
        "UFFD",
        "_UFFD",
        "USERFAULTFD_",
        "PAGE_IS_",
        "PM_SCAN_",
        "PAGEMAP_SCAN",
    ];
    macros
        .lines()
        .filter_map(|line| line.strip_prefix("#define ")?.split_once(' '))
        .map(|(name, _)| name)
        .filter(|name| prefixes.iter().any(|prefix| name.starts_with(prefix)))
        .filter(|name| !name.contains('('))
        .filter(|name| !CONSTANTS.iter().any(|constant| constant.name == *name))
        .map(newer)
        .collect()
}
