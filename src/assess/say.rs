//! The answer in words: the first line is the answer, no line is longer than a screen of 80 columns.

use std::cmp::Reverse;

use crate::assess::Assessment;
use crate::assess::Can;
use crate::assess::Clients;
use crate::assess::Counts;
use crate::assess::Effect;
use crate::assess::Harm;
use crate::assess::Model;
use crate::assess::Status;
use crate::assess::Until;
use crate::assess::rules;
use crate::tuf::few::and_more_by;

/// The longest line.
const WIDTH: usize = 78;
/// So many of many are named.
const NAMED: usize = 6;

impl Harm {
    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Takeover => "TAKEOVER",
            Self::AnySoftware => "ANY SOFTWARE",
            Self::MixAndMatch => "MIX AND MATCH",
            Self::Rollback => "ROLLBACK",
            Self::Freeze => "FREEZE",
            Self::FastForward => "FAST-FORWARD",
            Self::OneStepAway => "ONE STEP AWAY",
            Self::Nothing => "NOTHING",
        }
    }

    /// Of a thief and these clients.
    fn sentence(self, clients: Clients) -> String {
        let called = clients.called();
        let does = match self {
            Self::Takeover if clients == Clients::All => "owns every client, for ever".to_owned(),
            Self::Takeover => format!("owns {called}, for ever"),
            Self::AnySoftware => format!("can make {called} install what he likes"),
            Self::MixAndMatch => format!("can show {called} files that never belonged together"),
            Self::Rollback | Self::Freeze => format!("can keep {called} in the past"),
            Self::FastForward => format!("can make {called} refuse what is honest"),
            Self::OneStepAway => format!("lacks one step to reach {called}"),
            Self::Nothing => "can do nothing with them".to_owned(),
        };
        format!("a thief of these keys {does}")
    }

    fn on_clients(self) -> &'static str {
        match self {
            Self::Takeover => "signs the next root, and names every key from then on",
            Self::AnySoftware => "makes clients take any file",
            Self::MixAndMatch => "shows together what was honestly signed at different times",
            Self::Rollback => "shows an older state to clients that never saw a newer one",
            Self::Freeze => "shows today's state as the newest",
            Self::FastForward => "makes clients refuse everything honest",
            Self::OneStepAway => "signs the role, but clients do not take it yet",
            Self::Nothing => "signs the role, and clients never ask for it",
        }
    }
}

impl Clients {
    /// In a sentence, with the rule by which they are not all.
    fn called(self) -> &'static str {
        match self {
            Self::All => "clients",
            Self::CountingKeyids => "clients that count keyids (SEVERAL-KEYIDS)",
            Self::Tough => "the client tough (STAR-CROSSES-SLASH)",
        }
    }
}

impl Until {
    /// `until 2028-12-31`, ...
    pub fn words(self) -> String {
        match self {
            Self::Date(date) => format!("until {date}"),
            Self::SignedAgain => "until what is signed again expires".to_owned(),
            Self::OtherKeys => "until root names other keys in their place".to_owned(),
            Self::ForEver => "for ever: until the clients are replaced".to_owned(),
        }
    }
}

impl Model {
    /// The whole answer.
    pub fn lines(&self, assessment: &Assessment) -> Vec<String> {
        let mut lines = self.head(assessment);
        lines.push(String::new());
        let Assessment { question, .. } = assessment;
        for (which, keys) in [("Lost", &question.lost), ("Stolen", &question.stolen)] {
            let people = self.keys.people(keys);
            let people = if people.is_empty() { "nobody's key".to_owned() } else { cut(&people) };
            fold(&mut lines, &format!("{which:<8}"), &people);
        }
        let newest = self.newest();
        let root =
            format!("root {}, which expires {}; judged at {}", newest.version, newest.expires, question.at);
        fold(&mut lines, "Today   ", &root);
        lines.extend(["".to_owned(), "Who can still sign".to_owned()]);
        self.roles(assessment, &mut lines);
        lines.extend(["".to_owned(), "What a thief can do".to_owned()]);
        self.thief(assessment, &mut lines);
        let steps = self.steps(assessment);
        if !steps.is_empty() {
            lines.extend(["".to_owned(), "What to do, in this order".to_owned()]);
            for (nth, step) in (1..).zip(&steps) {
                fold(&mut lines, &format!("  {nth}. "), step);
            }
        }
        let notes = self.notes(assessment);
        if !notes.is_empty() {
            lines.extend(["".to_owned(), "Mind".to_owned()]);
            notes.iter().for_each(|note| fold(&mut lines, "  - ", note));
        }
        lines
    }

    /// The answer, and whether root can be repaired.
    pub fn head(&self, assessment: &Assessment) -> Vec<String> {
        let mut lines = Vec::new();
        let asked = !(assessment.question.lost.is_empty() && assessment.question.stolen.is_empty());
        let worst = assessment.worst();
        let never: Vec<String> =
            assessment.roles.iter().filter(|r| r.can == Can::Never).map(Status::named).collect();
        let old = self.head_of_old(assessment);
        let first = match (worst, assessment.is_good()) {
            (_, true) if !asked => {
                "SAFE: every role can be signed. No key was said to be lost or stolen.".to_owned()
            }
            (_, true) if assessment.question.stolen.is_empty() => {
                "SAFE: every role can still be signed without these keys.".to_owned()
            }
            (_, true) => "SAFE: every role can still be signed, and the thief can do nothing.".to_owned(),
            (Harm::Nothing, false) if old.is_some() => old.clone().unwrap_or_default(),
            (Harm::Nothing, false) if never.is_empty() => {
                "NOT SAFE: a role can be signed only with a key that is stolen.".to_owned()
            }
            (Harm::Nothing, false) => format!("LOST: nobody can sign {} any more.", cut(&never)),
            (harm, _) => {
                let worst = assessment.thief.iter().filter(|e| e.clients.is_none() && e.harm == harm);
                let effect = worst.min_by_key(|effect| effect.taken_by);
                let once = effect.map(once).unwrap_or_default();
                let clients = effect.map_or(Clients::All, |effect| effect.taken_by);
                format!("{}: {}{once}.", harm.name(), harm.sentence(clients))
            }
        };
        fold(&mut lines, "", &first);
        old.filter(|old| *old != first).iter().for_each(|old| fold(&mut lines, "", old));
        fold(&mut lines, "", &self.root_line(assessment));
        lines
    }

    /// What clients of an older root suffer, where that is worse.
    pub(super) fn head_of_old(&self, assessment: &Assessment) -> Option<String> {
        let old = assessment.thief.iter().filter(|effect| effect.clients.is_some());
        let old = old.min_by_key(|effect| (effect.harm, effect.taken_by, Reverse(effect.clients)))?;
        let (version, harm) = (old.clients?, old.harm);
        (harm < assessment.worst()).then(|| {
            let (clients, does, once) = (old.taken_by.called(), harm.on_clients(), once(old));
            format!(
                "{}, of {clients} that still trust {}: the thief {does}{once}.",
                harm.name(),
                or_older(version)
            )
        })
    }

    fn root_line(&self, assessment: &Assessment) -> String {
        let Some(root) = assessment.roles.first() else { return String::new() };
        let next = self.newest().version.saturating_add(1);
        match root.can {
            Can::Sign { .. } => {
                let more = if assessment.thief_rotates() { " So can the thief: be first." } else { "" };
                let rule = rules::ROOT_ROTATES.name;
                format!("Root can be rotated ({rule}): root {next} is signed by {}.{more}", self.who(root))
            }
            Can::OnlyWithStolen => format!(
                "Root cannot be rotated without a stolen key ({}): {} more of {} would have to sign root {next}.",
                rules::ROOT_NEEDS_STOLEN.name,
                root.signers.lacking(&root.left),
                cut(&self.keys.names(root.stolen.difference(&root.lost)))
            ),
            Can::Never => format!(
                "Root is lost for ever ({}): root {next} needs {} of its keys, and {} left.",
                rules::ROOT_LOST.name,
                root.signers.threshold,
                are(root.left.len())
            ),
        }
    }

    /// `any 2 of ana, bo, chi`.
    fn who(&self, status: &Status) -> String {
        let (need, names) = (status.signers.threshold, self.keys.names(&status.left));
        match (usize::try_from(need).unwrap_or(usize::MAX), names.len()) {
            (1, 1) => format!("{} alone", names.join("")),
            (need, have) if need == have => format!("{}: all {need} needed", cut(&names)),
            (need, _) => format!("any {need} of {}", cut(&names)),
        }
    }

    fn roles(&self, assessment: &Assessment, lines: &mut Vec<String>) {
        // A role to which several delegate has a row for each, for clients verify it by the word of whom they come from.
        let several = |role: &str| assessment.roles.iter().filter(|status| status.role == role).count() > 1;
        let label = |status: &Status| match status.roles {
            1 if several(&status.role) => format!("{} of {}", status.role, status.delegator),
            _ => status.named(),
        };
        let width = assessment.roles.iter().map(|r| label(r).chars().count()).max().unwrap_or(0).clamp(9, 24);
        for status in &assessment.roles {
            let spare = match status.can {
                Can::Sign { spare: 0 } => format!("yes     {}; no spare key", self.who(status)),
                Can::Sign { spare } => format!("yes     {}; {} more may be lost", self.who(status), spare),
                Can::OnlyWithStolen => format!(
                    "STOLEN  only with a stolen key: {} of {}",
                    status.signers.threshold,
                    cut(&self.keys.names(status.signers.keys.difference(&status.lost)))
                ),
                Can::Never if status.signers.threshold as usize > status.signers.keys.len() => format!(
                    "NO      {} needed, more than it has keys: {}",
                    status.signers.threshold,
                    status.signers.keys.len()
                ),
                Can::Never => format!(
                    "NO      {} of {} needed; {} left",
                    status.signers.threshold,
                    status.signers.keys.len(),
                    are(status.signers.keys.difference(&status.lost).count())
                ),
            };
            let thief = match status.in_wrong_hands() {
                0 => String::new(),
                have if status.signers.met_by(&status.stolen) => format!("; the thief has {have}, enough"),
                have if status.forged() => format!(
                    "; the thief has {have}, enough for clients that count keyids ({})",
                    rules::SEVERAL_KEYIDS.name
                ),
                have => format!(
                    "; the thief has {have} and needs {} more ({})",
                    status.signers.lacking_by(&status.stolen, Counts::Keyids),
                    rules::BELOW_THRESHOLD.name
                ),
            };
            let rule = signing(&status.role, status.can).name;
            fold(lines, &format!("  {:<width$}  ", label(status)), &format!("{spare} ({rule}){thief}"));
        }
    }

    fn thief(&self, assessment: &Assessment, lines: &mut Vec<String>) {
        if assessment.thief.is_empty() {
            let why = match assessment.question.stolen.is_empty() {
                true => format!("nothing: no key is stolen ({})", rules::BELOW_THRESHOLD.name),
                false => format!("nothing. {}", cite(&rules::BELOW_THRESHOLD)),
            };
            return fold(lines, "  ", &why);
        }
        for effect in &assessment.thief {
            fold(lines, &format!("  {:<14}", effect.harm.name()), &self.effect(effect));
        }
    }

    fn effect(&self, effect: &Effect) -> String {
        let mut said = effect.harm.on_clients().to_owned();
        if !effect.paths.is_empty() {
            said.push_str(&format!(
                " on paths of {}: {}",
                cut(&effect.roles),
                cut_by(&effect.paths, ", and of those ")
            ));
        } else if effect.harm == Harm::AnySoftware {
            said.push_str(" on every path");
        } else if effect.harm == Harm::OneStepAway {
            said.push_str(&format!(" ({})", cut(&effect.roles)));
        }
        let software = matches!(effect.harm, Harm::AnySoftware | Harm::Takeover);
        match (&effect.example, effect.targets) {
            (_, 0) if !software => {}
            (Some(example), 0) => {
                said.push_str(&format!("; none of today's targets, new ones such as {example}"))
            }
            (_, many) => said.push_str(&format!("; {} of today's", count(many, "target"))),
        }
        if let Some(version) = effect.clients {
            said.push_str(&format!("; clients that still trust {}", or_older(version)));
        }
        if !effect.needs.is_empty() {
            let need = |(role, many): &(String, u32)| format!("{many} more of {role}");
            let needs: Vec<String> = effect.needs.iter().map(need).collect();
            said.push_str(&format!("; he would need {}, or the server that signs them", needs.join(" and ")));
        }
        said.push_str(&once(effect));
        if effect.harm != Harm::Nothing {
            said.push_str(&format!("; {}", effect.until.words()));
        }
        let old =
            if effect.clients.is_some() { format!(", {}", rules::OLD_ROOT.name) } else { String::new() };
        let weak = effect.taken_by.rule().map(|rule| format!(". {}", cite(rule))).unwrap_or_default();
        format!("{said}. {}{old}: {}{weak}", effect.rule.name, effect.rule.says)
    }

    /// What does not fit elsewhere.
    pub fn notes(&self, assessment: &Assessment) -> Vec<String> {
        let mut notes = Vec::new();
        notes.extend(refused(&assessment.expired));
        let missing: Vec<&str> = [("snapshot", self.has.0), ("timestamp", self.has.1)]
            .iter()
            .filter(|(_, has)| !has)
            .map(|(n, _)| *n)
            .collect();
        if !missing.is_empty() && !assessment.question.stolen.is_empty() {
            notes.push(format!(
                "{} not here, so the worst is assumed: that it lists files without hashes. Give the published metadata to know",
                if missing.len() == 1 { format!("{} is", missing.join("")) } else { format!("{} are", missing.join(" and ")) }
            ));
        }
        for role in &self.uncounted {
            notes.push(format!(
                "{role} lists keys of a kind that this program cannot verify with; they are not counted here"
            ));
        }
        for status in &assessment.roles {
            let listed = |(key, keyids): (&usize, &u32)| {
                format!("{} under {keyids} keyids", self.keys.names([key]).join(""))
            };
            let listed: Vec<String> = status.signers.several.iter().map(listed).collect();
            if !listed.is_empty() {
                notes.push(format!(
                    "{} lists {}: whoever has such a key holds as many signatures there. {}",
                    status.named(),
                    cut(&listed),
                    cite(&rules::SEVERAL_KEYIDS)
                ));
            }
        }
        let shared: Vec<String> = assessment
            .question
            .stolen
            .iter()
            .filter_map(|key| {
                let roles = assessment.roles.iter().filter(|role| role.signers.keys.contains(key));
                let roles: Vec<String> = roles.map(Status::named).collect();
                (roles.len() > 1)
                    .then(|| format!("{} signs {}", self.keys.names([key]).join(""), cut(&roles)))
            })
            .collect();
        if !shared.is_empty() {
            notes.push(format!("one key, several roles: {}", cut(&shared)));
        }
        notes
    }
}

/// By which rule a role can be signed, or cannot.
pub(super) fn signing(role: &str, can: Can) -> &'static rules::Rule {
    match (role == "root", can) {
        (true, Can::Sign { .. }) => &rules::ROOT_ROTATES,
        (true, Can::OnlyWithStolen) => &rules::ROOT_NEEDS_STOLEN,
        (true, Can::Never) => &rules::ROOT_LOST,
        (false, Can::Sign { .. }) => &rules::ROLE_SIGNS,
        (false, Can::OnlyWithStolen) => &rules::ROLE_NEEDS_STOLEN,
        (false, Can::Never) => &rules::ROLE_LOST,
    }
}

/// `, once timestamp is signed again`.
fn once(effect: &Effect) -> String {
    match effect.after.as_slice() {
        [] => String::new(),
        [one] => format!(", once {one} is signed again"),
        several => format!(", once {} are signed again", cut(several)),
    }
}

/// That clients take nothing today, and why.
pub(super) fn refused(expired: &[String]) -> Option<String> {
    let why = "expired, missing or not signed as it must be";
    (!expired.is_empty()).then(|| {
        format!(
            "clients refuse this repository as it lies ({}: {why}). {}",
            cut(expired),
            cite(&rules::EXPIRED)
        )
    })
}

fn cite(rule: &rules::Rule) -> String {
    format!("{}: {}", rule.name, rule.says)
}

fn count(many: usize, what: &str) -> String {
    if many == 1 { format!("1 {what}") } else { format!("{many} {what}s") }
}

fn are(many: usize) -> String {
    match many {
        0 => "none is".to_owned(),
        1 => "1 is".to_owned(),
        many => format!("{many} are"),
    }
}

/// Who trusts an older root comes to this one by way of those between.
fn or_older(version: u64) -> String {
    let older = if version > 1 { " or an older one" } else { "" };
    format!("root {version}{older}")
}

/// The first of many, and how many more there are.
pub(super) fn cut(all: &[impl AsRef<str>]) -> String {
    cut_by(all, ", ")
}

pub(super) fn cut_by(all: &[impl AsRef<str>], between: &str) -> String {
    and_more_by(between, &all[..all.len().min(NAMED)], all.len())
}

/// Adds text in lines: the first begins with `head`, the others under its end.
pub(super) fn fold(lines: &mut Vec<String>, head: &str, text: &str) {
    let indent = " ".repeat(head.chars().count());
    let mut line = head.to_owned();
    let mut empty = true;
    for word in text.split(' ') {
        if !empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push(std::mem::replace(&mut line, indent.clone()));
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    lines.push(line);
}
