//! `uffd-conformance model`: random programs of operations, run by the kernel
//! and by a model of it that is written down in [`state`]. It owns the model and
//! the comparison; it may use the kit, `machine`, and `cases::scan` to try what no
//! feature bit says.
//!
//! | file | what it owns |
//! |---|---|
//! | `op` | the steps of a program |
//! | `page`, `state`, `fill` | the model: a page, and what each step does to it |
//! | `expect` | what the model says that a step answers |
//! | `world` | the regions, and the steps made by the kernel |
//! | `worker` | threads that access memory and may wait in a fault |
//! | `run`, `compare` | both at once, compared after each step |
//! | `guard` | frees the main thread where it should not have waited |
//! | `shrink` | a failing program made small |

mod compare;
pub mod expect;
mod fill;
pub mod guard;
pub mod op;
pub mod page;
pub mod run;
pub mod shrink;
pub mod state;
pub mod worker;
pub mod world;

use std::time::{Duration, Instant};

use uffd_kit::random::{self, Random};
use uffd_kit::region::Region;
use uffd_kit::uffd::Uffd;
use uffd_kit::verdict::Verdict;
use uffd_sys::*;

use crate::cases::scan;
use crate::machine::{feature_names, Machine};
use crate::model::guard::Guard;
use crate::model::page::MOST_WORKERS;
use crate::model::run::{run, Conditions, Difference, Program};
use crate::model::world::{Mistake, World};

const USAGE: &str = "\
usage: uffd-conformance model [--operations N] [--seed S] [--threads T]
                              [--pages P] [--program N]

Runs random programs until N operations are made (1000000), and compares what
the kernel does with a model. --program runs that one program of the seed.";

/// Features that change what the other threads or the process go through;
/// the conformance cases have them.
const LEFT_OUT: u64 = UFFD_FEATURE_EVENT_FORK
    | UFFD_FEATURE_EVENT_REMAP
    | UFFD_FEATURE_EVENT_REMOVE
    | UFFD_FEATURE_EVENT_UNMAP
    | UFFD_FEATURE_SIGBUS;

struct Options {
    operations: usize,
    seed: u64,
    threads: usize,
    pages: usize,
    program: Option<u64>,
    inject: Option<Mistake>,
}

/// The subcommand; the exit code.
pub fn main(args: &[String]) -> i32 {
    let options = match parse(args) {
        Ok(options) => options,
        Err(why) => {
            eprintln!("uffd-conformance model: {}\n\n{}", why, USAGE);
            return 2;
        }
    };
    match all_programs(&options) {
        Ok(differences) => (differences > 0) as i32,
        Err(why) => {
            eprintln!("uffd-conformance model: {}", why);
            2
        }
    }
}

fn parse(args: &[String]) -> Result<Options, String> {
    let mut options = Options {
        operations: 1_000_000,
        seed: random::seed(),
        threads: 3,
        pages: 4,
        program: None,
        inject: None,
    };
    let mut args = args.iter();
    while let Some(name) = args.next() {
        let value = args
            .next()
            .ok_or_else(|| format!("{} needs a value", name))?;
        if name == "--inject" {
            let fault = Mistake::ALL.iter().find(|f| f.0 == value);
            options.inject = Some(fault.ok_or_else(|| format!("no mistake {}", value))?.1);
            continue;
        }
        let hex = value.strip_prefix("0x").map(|h| u64::from_str_radix(h, 16));
        let number = hex.unwrap_or_else(|| value.parse());
        let number = number.map_err(|_| format!("{} is not a number", value))?;
        match name.as_str() {
            "--operations" | "--ops" => options.operations = number as usize,
            "--seed" => options.seed = number,
            "--threads" => options.threads = number as usize,
            "--pages" => options.pages = number as usize,
            "--program" => options.program = Some(number),
            _ => return Err(format!("unknown option {}", name)),
        }
    }
    if options.operations < 1 {
        return Err("--operations is at least 1".to_owned());
    }
    if options.threads < 1 || options.threads > MOST_WORKERS {
        return Err(format!("--threads is 1 to {}", MOST_WORKERS));
    }
    if options.pages < 1 || options.pages > 16 {
        return Err("--pages is 1 to 16".to_owned());
    }
    Ok(options)
}

/// Differences found: 0 or 1, as the first one ends it.
fn all_programs(options: &Options) -> Result<usize, String> {
    let machine = Machine::detect()?;
    worker::catch_signals();
    let world = World::new(machine.page, options.pages, options.threads, options.inject);
    let mut world = world.map_err(|stop| format!("{:?}", stop))?;
    Guard::start();
    let conditions = Conditions {
        kernel: machine.features,
        shows_wp: tried("the pagemap", shows_wp(&machine))?,
        hides_absent: tried("PAGEMAP_SCAN", hides_absent(&machine))?,
        patience: Duration::from_secs(5),
        watch: Duration::from_millis(0),
    };
    println!(
        "# model: Linux {}, {} pages a region, {} workers, seed {}",
        machine.release_text, options.pages, options.threads, options.seed
    );
    let start = Instant::now();
    let (mut made, mut reported) = (0, Instant::now());
    let mut number = options.program.unwrap_or(0);
    while made < options.operations {
        let program = draw_program(options, machine.features, number);
        match run(&mut world, &program, conditions) {
            Ok(steps) => made += steps,
            Err(difference) => {
                report(&mut world, options, conditions, number, program, difference);
                println!(
                    "# model: operations {} differences 1 seed {}",
                    made, options.seed
                );
                return Ok(1);
            }
        }
        number += 1;
        if options.program.is_some() {
            break;
        }
        if reported.elapsed() > Duration::from_secs(5) {
            reported = Instant::now();
            println!("# model: {} operations, {} programs", made, number);
        }
    }
    if made == 0 {
        return Err("not one operation was made, so nothing was compared".to_owned());
    }
    let rate = made as f64 / start.elapsed().as_secs_f64();
    println!(
        "# model: {} programs, {:.0} operations a second",
        number, rate
    );
    println!(
        "# model: operations {} differences 0 seed {}",
        made, options.seed
    );
    Ok(0)
}

fn draw_program(options: &Options, kernel: u64, number: u64) -> Program {
    let mut random = Random::new(options.seed ^ number.wrapping_mul(0xd134_2543_de82_ef95));
    let mut features = kernel & !LEFT_OUT & random.number();
    if kernel & UFFD_FEATURE_RWP != 0 && random.one_in(2) {
        features |= UFFD_FEATURE_RWP;
    }
    // RWP_ASYNC needs RWP.
    if features & UFFD_FEATURE_RWP == 0 {
        features &= !UFFD_FEATURE_RWP_ASYNC;
    }
    let steps = 20 + random.below(200);
    let mut ops = vec![];
    for region in [op::ANON, op::SHMEM] {
        let span = op::Span {
            region,
            first: 0,
            pages: options.pages,
        };
        let both = UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP;
        ops.push(op::Op::Register(span, both));
    }
    ops.extend((0..steps).map(|_| op::draw(&mut random, options.pages, options.threads)));
    Program { features, ops }
}

fn tried(what: &str, answer: Result<bool, Verdict>) -> Result<bool, String> {
    answer.map_err(|stop| format!("trying {}: {:?}", what, stop))
}

/// Does /proc/self/pagemap show write-protection?
fn shows_wp(machine: &Machine) -> Result<bool, Verdict> {
    if !machine.has(UFFD_FEATURE_PAGEFAULT_FLAG_WP) {
        return Ok(false);
    }
    let region = Region::source(1, 1)?;
    let uffd = Uffd::open(0)?;
    uffd.register(region.addr, region.len, UFFDIO_REGISTER_MODE_WP)
        .ok()?;
    uffd.writeprotect(region.addr, region.len, UFFDIO_WRITEPROTECT_MODE_WP)
        .ok()?;
    Ok(region.pagemap(0)? & PAGEMAP_UFFD_WP != 0)
}

/// Is a page that is not there unwritten to a scan that asks for all pages?
fn hides_absent(machine: &Machine) -> Result<bool, Verdict> {
    if !machine.has(scan::HAS_SCAN) {
        return Ok(false);
    }
    let (uffd, region) = scan::beside_a_page()?;
    let answer = scan::scan(&region, scan::all_pages(&region, PAGE_IS_WRITTEN))?;
    drop(uffd);
    let absent = answer.runs.last().map_or(0, |run| run.2);
    Ok(absent & PAGE_IS_WRITTEN == 0)
}

/// Shrinks the program and shows it.
fn report(
    world: &mut World,
    options: &Options,
    conditions: Conditions,
    number: u64,
    program: Program,
    difference: Difference,
) {
    println!("# difference: {}", difference.text);
    println!(
        "# in step {} of program {}; shrinking",
        difference.step + 1,
        number
    );
    let length = program.ops.len();
    // Slower, so that what happens late is seen at its step.
    let slow = Conditions {
        patience: Duration::from_millis(500),
        watch: Duration::from_millis(3),
        ..conditions
    };
    let (small, reason) = shrink::shrink(program, difference, |p| {
        if !p.is_possible() {
            return None;
        }
        run(world, p, slow).err()
    });
    println!("#");
    println!(
        "# the smallest program, {} of {} steps:",
        small.ops.len(),
        length
    );
    println!("#   features {}", feature_names(small.features));
    for (n, op) in small.ops.iter().enumerate() {
        println!("#   {}. {}", n + 1, op);
    }
    if reason.step >= small.ops.len() {
        println!("#   (then all is unregistered)");
    }
    println!("# difference: {}", reason.text);
    println!(
        "# again: uffd-conformance model --seed {} --threads {} --pages {} --program {}",
        options.seed, options.threads, options.pages, number
    );
}
