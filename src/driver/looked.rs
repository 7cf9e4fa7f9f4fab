//! What people look at before they answer: clocks, what other clients would say, what went otherwise than planned.

use crate::ceremony::Ceremony;
use crate::ceremony::Event;
use crate::ceremony::Mode;
use crate::driver::Driver;
use crate::driver::stop::Stop;
use crate::lint;
use crate::plan::Plan;
use crate::plan::Step;
use crate::plan::print::file_name;
use crate::tuf::Date;
use crate::tuf::client;
use crate::tuf::repository::RoleFile;

impl Driver {
    /// Looks at what other clients would make of the roles of a step.
    pub(super) fn lint(&mut self, step: &Step, events: &mut Vec<Event>) -> Result<(), Stop> {
        for role in self.ceremony.left() {
            let found = self.remarks_on(&role).iter().map(|remark| remark.join("; ")).collect();
            self.record(Event::Linted { step: step.id.clone(), role, found }, events)?;
        }
        Ok(())
    }

    /// What stands below the machine's clock: the hardware clock, the window of the file, and what expires when.
    pub(super) fn clock_board(&self) -> Vec<String> {
        let (plan, now) = (self.ceremony.plan(), self.now());
        let hardware = match self.options.clock.hardware() {
            Some(at) => format!("{at}{}", apart(now, at)),
            None => "is not to be seen from here".to_owned(),
        };
        let mut lines = vec![format!("the hardware clock  {hardware}")];
        let window =
            [("it may run from", plan.window.not_before), ("it may run until", plan.window.not_after)];
        lines.extend(window.iter().filter_map(|(what, at)| Some(format!("{what:<19} {}", (*at)?))));
        lines.push(format!("the record is at    {}", self.record.last()));
        for role in plan.roles_in_room() {
            let Some(in_room) = plan.roles.get(role).and_then(|role| role.in_room.as_ref()) else { continue };
            let what = format!("{role} expires");
            lines.push(format!(
                "{what:<19} {}, a {}, {}",
                in_room.expires,
                in_room.expires.weekday(),
                in_room.expires.until(now)
            ));
        }
        lines
    }

    /// What other clients would make of a role as it is built, a line each.
    pub(super) fn lint_lines(&self, role: &str) -> Vec<String> {
        let found = self.remarks_on(role);
        let mut lines = vec![match found.is_empty() {
            true => format!("{role}: python-tuf, go-tuf, tough and tuf-js take it as it is"),
            false => format!("{role}:"),
        }];
        for remark in found {
            let indents = std::iter::once("  ").chain(std::iter::repeat("    "));
            lines.extend(remark.iter().zip(indents).map(|(line, indent)| format!("{indent}{line}")));
        }
        lines
    }

    /// What `lint` finds in a role before it is signed, each with what clients do; signatures are counted elsewhere. A root
    /// is looked at with the roots before it, as clients come by it.
    fn remarks_on(&self, role: &str) -> Vec<Vec<String>> {
        let Some(metadata) = self.ceremony.metadata(role) else { return Vec::new() };
        let name = file_name(self.ceremony.plan(), role);
        let mut files = vec![lint::OneFile { name: name.clone(), bytes: metadata.to_file() }];
        if let ("root", Some(before)) = (role, &self.ceremony.plan().before) {
            let file = |root: &RoleFile| lint::OneFile {
                name: client::file_name("root", Some(root.version)),
                bytes: root.bytes.to_vec(),
            };
            files.extend(before.repository.roots.iter().map(file));
        }
        let options = lint::Options { at: self.now(), profile: lint::Profile::Compatible };
        let Ok(report) = lint::lint(&files, &options) else { return Vec::new() };
        let signed = |finding: &&lint::Finding| {
            !matches!(finding.rule.name, "THRESHOLD-NOT-MET" | "ROOT-NOT-SIGNED-BY-OLD" | "REHEARSAL")
        };
        let found = report.findings.iter().filter(|finding| finding.file == name).filter(signed);
        found.map(|finding| remark(finding, options.profile)).collect()
    }
}

/// A finding in lines: how much it matters, the rule, where, what is wrong; and each client that does not just take it.
fn remark(finding: &lint::Finding, profile: lint::Profile) -> Vec<String> {
    let rule = finding.rule;
    let at = if finding.at.is_empty() { String::new() } else { format!(" at {}", finding.at) };
    let detail = if finding.detail.is_empty() { String::new() } else { format!(": {}", finding.detail) };
    let severity = finding.severity(profile).name();
    let clients = rule.clients.iter().filter(|says| says.does != lint::Does::Accepts);
    let first = format!("{severity} {}{at}: {}{detail}", rule.name, rule.what);
    std::iter::once(first).chain(clients.map(ToString::to_string)).collect()
}

/// How far a clock is from now, in words; nothing where it agrees.
fn apart(now: Date, clock: Date) -> String {
    match clock.unix() - now.unix() {
        0 => String::new(),
        ahead @ 1.. => format!(", {ahead} seconds ahead"),
        behind => format!(", {} seconds behind", -behind),
    }
}

/// What a rehearsal shows otherwise than the day will.
pub fn stands_in(plan: &Plan, mode: Mode) -> Option<&'static str> {
    let differs = mode == Mode::Rehearsal && plan.before.is_some();
    differs.then_some(
        "In this rehearsal others stand in for the keys and the metadata before: digests are not those that `check` shows, and a keyid that stays names another key.",
    )
}

/// Every exception in words, and what failed on the way and was tried again.
pub(super) fn exceptions(ceremony: &Ceremony) -> Vec<String> {
    let each = ceremony.exceptions().iter().zip(1..).map(|(exception, number)| {
        [
            format!("Exception {number}, in step {}", exception.step),
            format!("  expected: {}", exception.expected),
            format!("  happened: {}", exception.happened),
            format!("  done:     {}", exception.action),
            format!("  written down by {}", ceremony.plan().name(&exception.by)),
        ]
    });
    let mut lines: Vec<String> = each.flatten().collect();
    if lines.is_empty() {
        lines.push("Nobody wrote an exception down.".to_owned());
    }
    if !ceremony.failures().is_empty() {
        lines.push("What failed, and was tried again:".to_owned());
        let told = ceremony.failures().iter().map(|failure| format!("  {}: {}", failure.step, failure.why));
        lines.extend(told);
    }
    let away = ceremony.absent().iter().map(|id| format!("Not here: {}", ceremony.plan().name(id)));
    lines.extend(away);
    lines
}
