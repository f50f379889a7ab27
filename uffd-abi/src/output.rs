//! Telling the user: the five formats, colours, and the exit code.
//!
//! A command adds [`Check`]s and ends with [`Output::finish`]. As text each
//! check is printed at once; the other formats are one document at the end.

use std::fmt::{self, Display};
use std::io::{self, IsTerminal, Write};

use anstream::AutoStream;
use anstyle::{AnsiColor, Style};
use serde::Serialize;
use serde_json::{json, Map, Value};

use crate::cli::{Color, Format, OutputArgs};
use crate::findings::{Check, Exit, Finding, Severity};
use crate::sarif;

/// Red and bold: what is wrong.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// Yellow and bold: what could not be checked.
pub const WARN: Style = AnsiColor::Yellow.on_default().bold();
/// Green: what is right.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// Bold: headings.
pub const HEAD: Style = Style::new().bold();
/// Dim: what is there for completeness.
pub const DIM: Style = Style::new().dimmed();

/// `text` in a style; taken out again where there are no colours.
pub fn paint(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}

/// Where and how a command prints.
pub struct Output {
    command: &'static str,
    format: Format,
    stream: AutoStream<Box<dyn Write>>,
    checks: Vec<Check>,
    data: Map<String, Value>,
    /// What to say where nothing was compared and that is no failure.
    nothing: Option<&'static str>,
}

impl Output {
    /// To standard output, as the arguments say.
    pub fn stdout(command: &'static str, args: &OutputArgs) -> Output {
        let choice = match args.color {
            // Asks the terminal, TERM, NO_COLOR and CLICOLOR.
            Color::Auto => AutoStream::choice(&io::stdout()),
            Color::Always => anstream::ColorChoice::Always,
            Color::Never => anstream::ColorChoice::Never,
        };
        let stdout: Box<dyn Write> = Box::new(io::stdout());
        Output::new(command, args.format, AutoStream::new(stdout, choice))
    }

    /// To any writer, without colours: for tests.
    pub fn plain(command: &'static str, format: Format, writer: Box<dyn Write>) -> Output {
        Output::new(command, format, AutoStream::never(writer))
    }

    fn new(command: &'static str, format: Format, stream: AutoStream<Box<dyn Write>>) -> Output {
        Output {
            command,
            format,
            stream,
            checks: Vec::new(),
            data: Map::new(),
            nothing: None,
        }
    }

    /// Whether the format can show what is no check.
    ///
    /// # Errors
    ///
    /// What to do otherwise.
    pub fn can_show(&self, what: &str) -> Result<(), String> {
        match self.format {
            Format::Text | Format::Json => Ok(()),
            Format::Ktap | Format::Github | Format::Sarif => Err(format!(
                "{what} checks nothing, so there is no test report of it: use --format text or json"
            )),
        }
    }

    /// Whether what is printed is for people.
    pub fn is_text(&self) -> bool {
        self.format == Format::Text
    }

    /// The width to wrap at: the terminal's, at most 80.
    pub fn width(&self) -> usize {
        terminal().map_or(80, |(columns, _)| columns.clamp(20, 80))
    }

    /// How many rows can be drawn again in place, above the cursor's.
    pub fn rows(&self) -> usize {
        terminal().map_or(23, |(_, rows)| rows - 1)
    }

    /// Whether a table as wide as this is to be printed as paragraphs.
    pub fn is_narrow(&self, table: &comfy_table::Table) -> bool {
        let wide = table
            .lines()
            .map(|line| textwrap::core::display_width(line.trim_end()));
        wide.max().unwrap_or(0) > self.width().max(40) && self.width() < 80
    }

    /// Prints a line, as text alone, wrapped; further lines begin with `indent`.
    pub fn wrapped(&mut self, style: Style, text: &str, indent: &str) {
        let wrap = textwrap::Options::new(self.width()).subsequent_indent(indent);
        for line in textwrap::wrap(text, wrap) {
            self.line(paint(style, line));
        }
    }

    /// Prints a line, as text alone. May hold styles.
    pub fn line(&mut self, text: impl Display) {
        if self.is_text() {
            self.write(format_args!("{text}\n"));
        }
    }

    /// Adds a value to the JSON document alone.
    ///
    /// # Panics
    ///
    /// If the value cannot be JSON, which is a mistake in this program.
    pub fn data(&mut self, key: &str, value: impl Serialize) {
        let value = serde_json::to_value(value).expect("serialisable");
        self.data.insert(key.to_owned(), value);
    }

    /// Adds a check whose findings the command has printed as text itself.
    pub fn record(&mut self, check: Check) {
        self.checks.push(check);
    }

    /// Adds a check, and as text prints its findings; a remark that an earlier
    /// check made in the same words is not repeated.
    pub fn check(&mut self, check: Check) {
        if self.is_text() {
            for finding in &check.findings {
                let mut earlier = self.checks.iter().flat_map(|check| &check.findings);
                if finding.severity == Severity::Note
                    && finding.place.is_none()
                    && earlier.any(|f| f == finding)
                {
                    continue;
                }
                let text = self.finding_text(&check.name, finding);
                self.write(format_args!("{text}"));
            }
        }
        self.checks.push(check);
    }

    /// How many comparisons all checks so far made.
    pub fn compared(&self) -> usize {
        self.checks.iter().map(|check| check.compared).sum()
    }

    /// The checks so far.
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// From here on comparing nothing is no failure: there may be nothing.
    pub fn may_be_empty(&mut self, saying: &'static str) {
        self.nothing = Some(saying);
    }

    /// What the checks so far amount to.
    pub fn exit(&self) -> Exit {
        match self.checks.iter().filter_map(Check::worst).max() {
            Some(Severity::Error) => Exit::Different,
            Some(Severity::Unchecked) => Exit::Unchecked,
            _ if self.compared() == 0 && self.nothing.is_none() => Exit::Unchecked,
            _ => Exit::Same,
        }
    }

    /// Prints the end, or for the other formats everything; `summary` is one
    /// line for people.
    pub fn finish(&mut self, summary: &str) -> Exit {
        let exit = self.exit();
        match self.format {
            Format::Text => {
                let style = match exit {
                    Exit::Same => GOOD,
                    Exit::Different => BAD,
                    Exit::Unchecked => WARN,
                };
                self.line(paint(style, summary));
                if self.compared() == 0 {
                    let proven = "Nothing was compared, so nothing is proven.";
                    let nothing = self.nothing.filter(|_| exit == Exit::Same);
                    self.line(paint(WARN, nothing.unwrap_or(proven)));
                }
            }
            Format::Json => self.json(summary, exit),
            Format::Ktap => self.ktap(summary),
            Format::Github => self.github(summary, exit),
            Format::Sarif => self.sarif(),
        }
        self.flush();
        exit
    }

    /// The end of a command that shows and does not compare.
    pub fn finish_showing(&mut self, summary: &str) -> Exit {
        if let Err(why) = self.can_show(self.command) {
            say(why);
            return Exit::Unchecked;
        }
        if self.is_text() {
            self.line(summary);
        } else {
            self.json(summary, Exit::Same);
        }
        self.flush();
        Exit::Same
    }

    /// Whether the cursor can be moved: a terminal that is not a dumb one.
    pub fn is_live(&self) -> bool {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb" || term.is_empty());
        self.is_text() && io::stdout().is_terminal() && !dumb
    }

    /// Moves the cursor up, where [`Output::is_live`]. Not through the stream,
    /// which takes this out together with the colours.
    pub fn cursor_up(&mut self, lines: usize) {
        if self.is_live() {
            let _ = write!(io::stdout(), "\x1b[{lines}A\r");
        }
    }

    fn finding_text(&self, check: &str, finding: &Finding) -> String {
        let severity = match finding.severity {
            Severity::Error => paint(BAD, "error"),
            Severity::Unchecked => paint(WARN, "not checked"),
            Severity::Warning => paint(WARN, "warning"),
            Severity::Note => paint(DIM, "note"),
        };
        let mut text = format!(
            "{}: {severity}: {}\n",
            place(check, finding),
            message(finding)
        );
        if let Some(why) = &finding.why {
            let wrap = textwrap::Options::new(self.width())
                .initial_indent("    ")
                .subsequent_indent("    ");
            text.push_str(&textwrap::fill(why, wrap));
            text.push('\n');
        }
        text
    }

    fn json(&mut self, summary: &str, exit: Exit) {
        let mut document = json!({
            "command": self.command,
            "result": exit,
            "compared": self.compared(),
            "summary": summary,
            "checks": self.checks,
        });
        let fields = document.as_object_mut().expect("made as an object");
        fields.append(&mut self.data);
        let text = serde_json::to_string_pretty(&document).expect("serialisable");
        self.write(format_args!("{text}\n"));
    }

    fn sarif(&mut self) {
        let text = sarif::document(self.command, &self.checks);
        self.write(format_args!("{text:#}\n"));
    }

    fn ktap(&mut self, summary: &str) {
        let mut text = format!("KTAP version 1\n1..{}\n", self.checks.len());
        for (number, check) in (1..).zip(&self.checks) {
            // A `#` would begin a directive.
            let name = one_line(&check.name).replace('#', "");
            for finding in &check.findings {
                text.push_str(&format!(
                    "# {}: {}\n",
                    place(&name, finding),
                    message(finding)
                ));
            }
            let result = match (check.worst(), &check.skipped) {
                (Some(Severity::Error | Severity::Unchecked), _) => {
                    format!("not ok {number} {name}")
                }
                (_, Some(why)) => format!("ok {number} {name} # SKIP {why}"),
                (_, None) if check.compared == 0 => {
                    format!("ok {number} {name} # SKIP nothing to compare")
                }
                (_, None) => format!("ok {number} {name}"),
            };
            text.push_str(&result);
            text.push('\n');
        }
        self.write(format_args!("{text}# {summary}\n"));
    }

    fn github(&mut self, summary: &str, exit: Exit) {
        let mut text = String::new();
        for check in &self.checks {
            for finding in &check.findings {
                let level = match finding.severity {
                    Severity::Error => "error",
                    Severity::Unchecked | Severity::Warning => "warning",
                    Severity::Note => "notice",
                };
                let mut properties = vec![];
                if let Some(place) = &finding.place {
                    properties.push(format!(
                        "file={}",
                        escape(&place.file.display().to_string(), true)
                    ));
                    properties.push(format!("line={}", place.line));
                    if place.column > 0 {
                        properties.push(format!("col={}", place.column));
                    }
                }
                let title = if finding.item.is_empty() {
                    &check.name
                } else {
                    &finding.item
                };
                properties.push(format!("title={}", escape(title, true)));
                let mut body = format!("{}: {}", check.name, message(finding));
                if let Some(why) = &finding.why {
                    body.push_str(&format!("\n{why}"));
                }
                text.push_str(&format!(
                    "::{level} {}::{}\n",
                    properties.join(","),
                    escape(&body, false)
                ));
            }
        }
        let level = match exit {
            Exit::Same => "notice",
            Exit::Different => "error",
            Exit::Unchecked => "warning",
        };
        let title = format!("uffd-abi {}", self.command);
        self.write(format_args!(
            "{text}::{level} title={title}::{}\n",
            escape(summary, false)
        ));
    }

    fn write(&mut self, text: fmt::Arguments<'_>) {
        if let Err(error) = self.stream.write_fmt(text) {
            cannot_write(&error);
        }
    }

    /// Lets whoever reads the text see all that was printed so far.
    pub fn show_now(&mut self) {
        self.flush();
    }

    fn flush(&mut self) {
        if let Err(error) = self.stream.flush() {
            cannot_write(&error);
        }
    }
}

/// Writes to standard output, past any report; what cannot be written ends the
/// process.
pub fn print(text: &[u8]) {
    let mut stdout = io::stdout().lock();
    if let Err(error) = stdout.write_all(text).and_then(|()| stdout.flush()) {
        cannot_write(&error);
    }
}

/// A message on standard error. If that cannot be written either, there is
/// nobody to tell.
pub fn say(message: impl Display) {
    let _ = writeln!(io::stderr(), "uffd-abi: {message}");
}

/// Standard output takes no more: a full disk, or a reader that has gone.
pub fn cannot_write(error: &io::Error) -> ! {
    if error.kind() == io::ErrorKind::BrokenPipe {
        // `uffd-abi list | head` ends as other programs do. Rust ignores the
        // signal, and must: a compiler that reads nothing would end us too.
        // SAFETY: the default action is no function of ours.
        unsafe {
            libc::signal(libc::SIGPIPE, libc::SIG_DFL);
            libc::raise(libc::SIGPIPE);
        }
    }
    say(format_args!("cannot write to standard output: {error}"));
    std::process::exit(Exit::Unchecked as i32);
}

/// Columns and rows of the terminal that standard output is.
fn terminal() -> Option<(usize, usize)> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    // A serial line has no size: as much as a terminal had at first.
    let known = |size: u16, otherwise| if size > 0 { size.into() } else { otherwise };
    Some((known(size.ws_col, 80), known(size.ws_row, 24)))
}

/// `file:line:column`, or the check's name where there is no file.
fn place(check: &str, finding: &Finding) -> String {
    one_line(&match &finding.place {
        Some(place) if place.column > 0 => {
            format!("{}:{}:{}", place.file.display(), place.line, place.column)
        }
        Some(place) => format!("{}:{}", place.file.display(), place.line),
        None => check.to_owned(),
    })
}

fn message(finding: &Finding) -> String {
    one_line(&if finding.item.is_empty() {
        finding.message.clone()
    } else {
        format!("{}: {}", finding.item, finding.message)
    })
}

/// File names and sources are other people's: no control character of theirs
/// may reach the terminal or break a line of the report in two.
pub fn one_line(text: &str) -> String {
    let escape = |c: char| {
        if c.is_control() {
            c.escape_default().to_string()
        } else {
            c.to_string()
        }
    };
    text.chars().map(escape).collect()
}

/// The escapes of GitHub's workflow commands.
fn escape(text: &str, property: bool) -> String {
    let mut text = text
        .replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A");
    if property {
        text = text.replace(':', "%3A").replace(',', "%2C");
    }
    text
}
