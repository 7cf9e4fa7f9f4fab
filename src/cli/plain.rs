//! The ceremony line by line: for screen readers, logs, and answers files. Nothing moves the cursor.
//!
//! It asks what [`Driver::prompt`] says and hands the answers over; it decides nothing.

use secrecy::SecretString;
use serde_json::Value;
use serde_json::json;

use crate::ceremony::Event;
use crate::ceremony::Mode;
use crate::cli::Exit;
use crate::cli::Failure;
use crate::cli::Output;
use crate::cli::answers::Answers;
use crate::cli::by_file;
use crate::cli::prompt;
use crate::cli::prompt::Terminal;
use crate::cli::secret;
use crate::cli::share;
use crate::cli::show::plain;
use crate::driver::Answer;
use crate::driver::Ask;
use crate::driver::Body;
use crate::driver::Driver;
use crate::driver::Exception;
use crate::driver::Given;
use crate::driver::NOT_TODAY;
use crate::driver::Prompt;
use crate::driver::shown;
use crate::driver::stands_in;
use crate::keystore::shares::Share;
use crate::plan::Plan;
use crate::plan::print;
use crate::qr;

/// Who answers: people at a terminal, or a file.
pub enum Voice {
    /// People.
    Terminal(Terminal),
    /// A file.
    Answers(Answers),
}

/// Takes the ceremony to its end, or to where it stops.
pub fn run(mut driver: Driver, mut voice: Voice, out: &mut Output) -> Result<(), Failure> {
    prompt::watch_signals();
    let mut page = Page { out, rehearsal: driver.ceremony().mode() == Mode::Rehearsal };
    if let (Voice::Terminal(terminal), true) = (&mut voice, page.rehearsal) {
        terminal.rehearses();
    }
    page.say(format!("{}  {}", driver.ceremony().plan().id, driver.ceremony().plan().title));
    page.say(format!("record: {}", shown(driver.dir())));
    page.say(format!("inputs: {}", shown(driver.inputs())));
    if let Voice::Answers(answers) = &voice {
        page.say(format!("an answers file answers, SHA-256 {}", answers.sha256()));
        for lack in by_file::lacks(answers, driver.ceremony()) {
            page.say(format!("!! {lack}"));
        }
    }
    if let Some(stands_in) = stands_in(driver.ceremony().plan(), driver.ceremony().mode()) {
        page.say(stands_in);
    }
    for warning in &driver.ceremony().plan().warnings {
        page.say(warning);
    }
    if let (Voice::Terminal(_), Some(1)) = (&voice, driver.ceremony().next().map(|next| next.number)) {
        page.plan(driver.ceremony().plan());
    }
    let mut last_section = String::new();
    let mut last_step = 0;
    while let Some(prompt) = driver.prompt() {
        if prompt.section != last_section {
            if !last_section.is_empty() {
                page.head(&format!("{last_section}: done"), &driver, matches!(voice, Voice::Terminal(_)));
            }
            page.say("");
            page.say(format!("== {} ==", prompt.section));
            last_section.clone_from(&prompt.section);
        }
        if let (Voice::Terminal(terminal), Ask::TypeBack { .. }) = (&mut voice, &prompt.ask) {
            terminal.scroll_away()?;
        }
        page.prompt(&prompt, prompt.number != last_step, &driver);
        last_step = prompt.number;
        let answer = match &mut voice {
            Voice::Answers(answers) => by_file::answer(answers, &prompt, &driver)?,
            Voice::Terminal(terminal) => {
                ask(terminal, &prompt, driver.share().as_deref()).map_err(|failure| Failure {
                    hint: format!(
                        "what was done is recorded; `keyrite resume {}` goes on",
                        driver.dir().display()
                    ),
                    ..failure
                })?
            }
        };
        let events = driver.answer(answer).map_err(Failure::from)?;
        for event in &events {
            page.say(format!("  -> {}", driver.ceremony().say(event)));
        }
        if let (Voice::Answers(_), Some(Event::Failed { kind, why, .. })) = (&voice, events.last()) {
            let hint = format!(
                "put that right, and the answers file where it was wrong; then `keyrite resume {}` goes on",
                driver.dir().display()
            );
            return Err(Failure::new(exit_of(kind), why.clone(), hint));
        }
    }
    for fault in driver.faults_left() {
        page.say(format!(
            "!! the fault {fault} never happened: no step of this script is one where it could"
        ));
    }
    page.end(&driver, matches!(voice, Voice::Terminal(_)));
    out.document(&ended(&driver))
}

/// What `--json` says of a ceremony that is closed.
fn ended(driver: &Driver) -> Value {
    let plan = driver.ceremony().plan();
    let bundle = plan.kind.signs().then(|| driver.bundle_dir().display().to_string());
    json!({
        "done": true,
        "ceremony": plan.id,
        "type": plan.kind.name(),
        "rehearsal": driver.ceremony().mode() == Mode::Rehearsal,
        "record": driver.dir().display().to_string(),
        "bundle": bundle,
        "head": driver.head().hex(),
        "words": driver.head().words(),
        "not_as_planned": driver.ceremony().not_as_planned(),
    })
}

/// The exit code of a failure that nobody is there to put right.
fn exit_of(kind: &str) -> Exit {
    match kind {
        "input" => Exit::Input,
        "share" | "answer" => Exit::No,
        "machine" | "export" | "readback" | "thing" | "watch" => Exit::Machine,
        "rejected" | "threshold" | "not-now" | "build" | "people" => Exit::No,
        _ => Exit::Store,
    }
}

struct Page<'a> {
    out: &'a mut Output,
    rehearsal: bool,
}

impl Page<'_> {
    fn say(&mut self, line: impl std::fmt::Display) {
        let line = line.to_string();
        for line in line.split('\n') {
            if self.rehearsal {
                self.out.line(format!("REHEARSAL | {line}").trim_end());
            } else {
                self.out.line(line);
            }
        }
    }

    fn prompt(&mut self, prompt: &Prompt, new: bool, driver: &Driver) {
        if new {
            self.say("");
            self.say(format!("Step {} of {}: {} ({})", prompt.number, prompt.of, prompt.verb, prompt.step));
            self.say(format!("  {}", prompt.instruction));
            let confirm = if prompt.confirm.is_empty() {
                String::new()
            } else {
                format!("   Confirms: {}", prompt.confirm.join(", "))
            };
            self.say(format!("  Does it: {}{confirm}", prompt.by));
            self.body(&prompt.body, driver);
        }
        for line in &prompt.sees {
            self.say(format!("  sees: {line}"));
        }
        for warning in &prompt.warnings {
            self.say(format!("  !! {warning}"));
        }
        if prompt.may_pass_over {
            self.say("  the file allows to go on without this step: `leave out` does");
        }
    }

    fn body(&mut self, body: &Body, driver: &Driver) {
        match body {
            Body::Nothing => {}
            Body::Lines(lines) => {
                for line in lines {
                    self.say(format!("    {}", plain(line)));
                }
            }
            Body::Clock(lines) => {
                self.say(format!("    the machine says    {0}, a {1}", driver.now(), driver.now().weekday()));
                for line in lines {
                    self.say(format!("    {line}"));
                }
            }
            Body::Elsewhere { of, .. } => {
                self.say(format!("  the words of {of} stand on the second machine, and are not shown here"));
            }
            Body::Words { of, digest } => {
                self.say(format!("  SHA-256 of {of}: {}", digest.hex()));
                for line in digest.lines() {
                    self.say(format!("    {line}"));
                }
            }
            Body::Review { lines, digests } => {
                for line in lines {
                    self.say(format!("    {}", plain(line)));
                }
                for (of, digest) in digests {
                    self.say(format!("  SHA-256 of {of}: {}", digest.hex()));
                    for line in digest.lines() {
                        self.say(format!("    {line}"));
                    }
                }
            }
            Body::Machine(board) => {
                for seen in &board.items {
                    self.say(format!("    {} {}", seen.mark(), seen.says()));
                }
                self.say("  Not checked, and not to be seen from here:");
                for what in board.not_checked {
                    self.say(format!("    {what}"));
                }
                if let Some(program) = &board.program {
                    self.say(format!("  SHA-256 of this program: {}", program.hex()));
                    for line in program.lines() {
                        self.say(format!("    {line}"));
                    }
                }
            }
            Body::Board => self.board(driver),
        }
    }

    fn board(&mut self, driver: &Driver) {
        let board = driver.ceremony().board();
        for (at, column) in board.columns.iter().enumerate() {
            let signed: Vec<_> = board
                .rows
                .iter()
                .filter_map(|row| Some(format!("{} {}", row.holder, row.standing[at]?.word())))
                .collect();
            self.say(format!(
                "    {}: {} signed, {} needed: {}",
                column.whose(),
                column.signed,
                column.threshold,
                signed.join(", ")
            ));
        }
    }

    /// The whole plan, as the screens show it before anything happens.
    fn plan(&mut self, plan: &Plan) {
        for accepted in &plan.accepted {
            self.say(format!("Accepted in the file: {}", accepted.text));
        }
        self.say("");
        for line in print::page(plan) {
            self.say(plain(&line));
        }
    }

    /// The head of the journal, for whoever keeps it on paper; with its code where people look on.
    fn head(&mut self, when: &str, driver: &Driver, code: bool) {
        self.say("");
        self.say(format!("{when}. journal head {}", driver.head().hex()));
        for line in driver.head().lines() {
            self.say(format!("    {line}"));
        }
        if code {
            for line in qr::digest_lines(&driver.head().hex()) {
                self.say(line);
            }
        }
    }

    fn end(&mut self, driver: &Driver, code: bool) {
        match driver.ceremony().plan().kind.signs() {
            true => {
                let at = format!("The ceremony is closed. The bundle is in {}", shown(&driver.bundle_dir()));
                self.head(&at, driver, code);
            }
            false => {
                self.head("The ceremony is closed. Nothing was signed, so there is no bundle", driver, code);
            }
        }
        for line in driver.ceremony().not_as_planned() {
            self.say(format!("!! {line}"));
        }
        self.say(format!("Anyone can check the record: keyrite journal verify {}", shown(driver.dir())));
        if driver.ceremony().plan().kind.signs() {
            let bundle = shown(&driver.bundle_dir());
            self.say(format!("and the bundle: keyrite verify {bundle} {}", driver.verify_options()));
            self.say("or without this program, by VERIFY.txt in it. Who has a root from elsewhere gives that one: a bundle");
            self.say("cannot vouch for its own root.");
        }
    }
}

fn ask(terminal: &mut Terminal, prompt: &Prompt, held: Option<&Share>) -> Result<Answer, Failure> {
    loop {
        let answer = match &prompt.ask {
            Ask::Continue => {
                entered(terminal, prompt, &format!("{}: Enter goes on", prompt.who), Answer::Continue)?
            }
            Ask::Confirm => {
                entered(terminal, prompt, &format!("{} confirms with Enter", prompt.who), Answer::Confirm)?
            }
            Ask::Present { people } => present(terminal, prompt, people)?,
            Ask::Text { what, may_decline, .. } => {
                let decline = if *may_decline { ", or `not today`" } else { "" };
                match line(terminal, prompt, &format!("{} types {what}{decline}: ", prompt.who))? {
                    Line::Answer(answer) => Some(answer),
                    Line::Text(text) if text.is_empty() => None,
                    Line::Text(text) => Some(Answer::Text(text)),
                }
            }
            Ask::Statement => statement(terminal, prompt)?,
            Ask::Fix { error, hint, may_decline } => {
                terminal.say(error)?;
                terminal.say(hint)?;
                let decline = if *may_decline { ", `not today` leaves it to the others" } else { "" };
                match line(terminal, prompt, &format!("Enter looks again{decline}, `stop` stops: "))? {
                    Line::Answer(answer) => Some(answer),
                    Line::Text(text) => match text.as_str() {
                        "" => Some(Answer::Continue),
                        NOT_TODAY if *may_decline => Some(Answer::Decline),
                        _ => None,
                    },
                }
            }
            Ask::Adopt { keyid, digest } => {
                terminal.say(&format!(
                    "A key is there already, made when the ceremony was cut off: keyid {keyid}"
                ))?;
                for line in digest.lines() {
                    terminal.say(&line)?;
                }
                match line(terminal, prompt, "Is it this ceremony's key? yes, or no: ")? {
                    Line::Answer(answer) => Some(answer),
                    Line::Text(text) => match text.as_str() {
                        "yes" => Some(Answer::Adopt(true)),
                        "no" => Some(Answer::Adopt(false)),
                        _ => None,
                    },
                }
            }
            Ask::TypeBack { places } => {
                let mut words = Vec::new();
                for place in places {
                    let (row, column) = (place / 4 + 1, place % 4 + 1);
                    let ask = format!("{} types word {column} of row {row}: ", prompt.who);
                    words.push(loop {
                        // No word of the list is one of ours.
                        match line(terminal, prompt, &ask)? {
                            Line::Answer(answer) => return Ok(answer),
                            Line::Text(word) if word.is_empty() => terminal.say("Nothing was typed.")?,
                            Line::Text(word) => break word,
                        }
                    });
                }
                Some(Answer::Words(words))
            }
            Ask::Secret(ask) => secret::typed(terminal, prompt, ask)?,
            Ask::Share { to } => {
                let text = format!("This is for {to} alone; the others look away. Enter shows it");
                match (entered(terminal, prompt, &text, Answer::Continue)?, held) {
                    (Some(Answer::Continue), Some(held)) => {
                        share::shown(terminal, held)?.then_some(Answer::Continue)
                    }
                    (answer, _) => answer,
                }
            }
            Ask::Give(ask) => {
                let text = format!(
                    "{}: Enter, and then the words of the share; or the name of a file with it: ",
                    prompt.who
                );
                match line(terminal, prompt, &text)? {
                    Line::Answer(answer) => Some(answer),
                    Line::Text(text) if text.is_empty() => share::typed(terminal, ask.rows)?
                        .map(|share| Answer::Give(Given::Words(SecretString::from(share.text().as_str())))),
                    Line::Text(file) if share::misplaced(terminal, &file)? => None,
                    Line::Text(file) => Some(Answer::Give(Given::File(file))),
                }
            }
        };
        if let Some(answer) = answer {
            return Ok(answer);
        }
    }
}

/// Enter, or what can be typed at every prompt.
fn entered(
    terminal: &mut Terminal,
    prompt: &Prompt,
    text: &str,
    answer: Answer,
) -> Result<Option<Answer>, Failure> {
    Ok(match line(terminal, prompt, &format!("{text}; `exception` writes one down, `stop` stops: "))? {
        Line::Answer(answer) => Some(answer),
        Line::Text(text) if text.is_empty() => Some(answer),
        Line::Text(_) => {
            terminal.say("Enter alone answers here; what was typed was not taken.")?;
            None
        }
    })
}

/// What was typed at a prompt.
pub(super) enum Line {
    /// What can be answered at every prompt: `stop`, `exception`, `leave out`.
    Answer(Answer),
    /// Anything else.
    Text(String),
}

pub(super) fn line(terminal: &mut Terminal, prompt: &Prompt, text: &str) -> Result<Line, Failure> {
    let typed = terminal.line(text)?.trim().to_owned();
    Ok(command(terminal, prompt, &typed)?.map_or(Line::Text(typed), Line::Answer))
}

/// What can be answered at every prompt, where that was typed.
pub(super) fn command(
    terminal: &mut Terminal,
    prompt: &Prompt,
    typed: &str,
) -> Result<Option<Answer>, Failure> {
    Ok(match typed {
        "stop" => Some(stopped(terminal)?),
        "exception" => Some(exception(terminal, prompt)?),
        "leave out" if prompt.may_pass_over => Some(Answer::PassOver),
        _ => None,
    })
}

/// Something went otherwise than planned: four lines.
fn exception(terminal: &mut Terminal, prompt: &Prompt) -> Result<Answer, Failure> {
    terminal.say("An exception is written down; nothing else changes.")?;
    let mut said = |what: &str| Ok::<_, Failure>(terminal.line(what)?.trim().to_owned());
    let (expected, happened) = (said("What was expected? ")?, said("What happened? ")?);
    let action = said("What was done about it? ")?;
    let names: Vec<&str> = prompt.people.iter().map(|(id, _)| id.as_str()).collect();
    let ask = format!("Who writes it down ({}; empty is who does the step)? ", names.join(", "));
    let by = loop {
        let by = said(&ask)?;
        if by.is_empty() || names.contains(&by.as_str()) {
            break by;
        }
    };
    Ok(Answer::Exception(Exception { expected, happened, action, by }))
}

/// Who is not here.
fn present(
    terminal: &mut Terminal,
    prompt: &Prompt,
    people: &[(String, String)],
) -> Result<Option<Answer>, Failure> {
    for (id, name) in people {
        terminal.say(&format!("  {id:<10} {name}"))?;
    }
    let text =
        format!("{}: Enter when everyone is here, or short names of who is not; `stop` stops: ", prompt.who);
    Ok(Some(match line(terminal, prompt, &text)? {
        Line::Answer(answer) => answer,
        Line::Text(text) if text.is_empty() => Answer::Continue,
        Line::Text(text) => {
            Answer::Absent(text.split([' ', ',']).filter(|id| !id.is_empty()).map(str::to_owned).collect())
        }
    }))
}

/// Whether the record is true.
fn statement(terminal: &mut Terminal, prompt: &Prompt) -> Result<Option<Answer>, Failure> {
    let text = format!("{}: is the record true? `agree`, or `do not agree`: ", prompt.who);
    let agree = match line(terminal, prompt, &text)? {
        Line::Answer(answer) => return Ok(Some(answer)),
        Line::Text(text) => match text.as_str() {
            "agree" => true,
            "do not agree" => false,
            _ => return Ok(None),
        },
    };
    let words = terminal.line("In your own words (may be empty): ")?;
    Ok(Some(Answer::Statement(agree, words)))
}

fn stopped(terminal: &mut Terminal) -> Result<Answer, Failure> {
    let why = terminal.line("Why? ")?;
    let why = if why.trim().is_empty() { "no reason given".to_owned() } else { why.trim().to_owned() };
    Ok(Answer::Stop(why))
}
