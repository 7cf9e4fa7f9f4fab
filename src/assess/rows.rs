//! The table of combinations in words.

use crate::assess::Can;
use crate::assess::Combination;
use crate::assess::Harm;
use crate::assess::Model;
use crate::assess::Row;
use crate::assess::Table;
use crate::assess::Worst;
use crate::assess::rules;
use crate::assess::say::cut;
use crate::assess::say::cut_by;
use crate::assess::say::fold;
use crate::assess::say::refused;
use crate::assess::say::signing;
use crate::tuf::Date;

impl Model {
    /// The table of all combinations.
    pub fn table_lines(&self, table: &Table, at: Date) -> Vec<String> {
        let mut lines = Vec::new();
        let all = table.choices;
        let good = table.rows.iter().filter(|row| row.is_good()).map(|row| row.choices).sum::<Option<u128>>();
        let first = match good {
            Some(good) => {
                format!("{good} of all {all} combinations of lost and stolen keys are harmless.")
            }
            None => format!("What follows from all {all} combinations of lost and stolen keys."),
        };
        fold(&mut lines, "", &first);
        fold(&mut lines, "", &format!("Each row says from which fewest keys it follows. Judged at {at}."));
        for left_out in &table.left_out {
            fold(
                &mut lines,
                "",
                &format!("Not looked at: {left_out}; what follows from these may be worse."),
            );
        }
        if let Some(refused) = refused(&table.expired) {
            fold(&mut lines, "", &format!("Mind: {refused}."));
        }
        lines.push(String::new());
        for (letter, kind) in letters().zip(&table.kinds) {
            fold(
                &mut lines,
                &format!("  {letter:<3}"),
                &format!("{} of: {}", kind.len(), cut(&self.keys.people(kind))),
            );
        }
        for row in table.merged() {
            lines.push(String::new());
            let count = row.choices.map(|choices| format!(": {choices} of {all}")).unwrap_or_default();
            fold(&mut lines, "", &format!("{}{count}", row.title()));
            fold(&mut lines, "  then  ", &row.follows());
            fold(&mut lines, "  from  ", &fewest(&row.from));
        }
        let unsigned = table.unsigned();
        if !unsigned.is_empty() {
            let (lost, stolen) = (rules::ROLE_LOST.name, rules::ROLE_NEEDS_STOLEN.name);
            lines.push(String::new());
            let head = format!(
                "Beside that, a role is signed by nobody ({lost}) or only with a stolen key ({stolen}):"
            );
            fold(&mut lines, "", &head);
            for (role, from) in unsigned {
                let by = [("nobody", &from.never), ("only stolen", &from.only_with_stolen)];
                for (by, from) in by.iter().filter(|(_, from)| !from.is_empty()) {
                    fold(&mut lines, "  ", &format!("{role}  {by}: from {}", fewest(from)));
                }
            }
        }
        lines
    }
}

impl Worst {
    /// What it is, of whom, on which paths, and by which rules.
    fn title(&self, whose: &str) -> String {
        let on = if self.on.is_empty() { String::new() } else { format!(" on paths of {}", cut(&self.on)) };
        let rules: Vec<&str> =
            self.rule.into_iter().chain(self.taken_by.rule().map(|rule| rule.name)).collect();
        format!("{}{whose}{on} ({})", self.harm.name(), rules.join(", "))
    }
}

impl Row {
    /// Whether every role can still be signed and the thief can do nothing.
    pub fn is_good(&self) -> bool {
        (self.now.harm, self.old.harm) == (Harm::Nothing, Harm::Nothing)
            && matches!(self.root, Can::Sign { .. })
            && self.unsigned.is_empty()
    }

    /// Whether all that follows is that roles beside root are not signed as they were.
    pub(super) fn only_roles(&self) -> bool {
        let rotates = matches!(self.root, Can::Sign { .. });
        (self.now.harm, self.old.harm, rotates) == (Harm::Nothing, Harm::Nothing, true)
            && !self.unsigned.is_empty()
    }

    /// What clients suffer, those alone that trust an older root where that is worse; where nobody does, what the people do.
    fn title(&self) -> String {
        if self.old.harm != Harm::Nothing {
            return self.old.title(" OF CLIENTS THAT TRUST AN OLDER ROOT");
        }
        let title = match (self.now.harm, self.root) {
            (Harm::Nothing, _) if self.is_good() => "SAFE",
            (Harm::Nothing, Can::Sign { .. }) if self.lost.is_empty() => {
                "A ROLE NEEDS A STOLEN KEY, ROOT CAN MEND IT"
            }
            (Harm::Nothing, Can::Sign { .. }) => "A ROLE IS LOST, ROOT CAN MEND IT",
            (Harm::Nothing, Can::OnlyWithStolen) => "A STOLEN KEY IS NEEDED",
            (Harm::Nothing, Can::Never) => "ROOT IS LOST",
            _ => return self.now.title(""),
        };
        title.to_owned()
    }

    /// What becomes of root, with its rule, and of other roles where that is all that follows.
    fn follows(&self) -> String {
        let root = match self.root {
            Can::Sign { .. } => "root rotates",
            Can::OnlyWithStolen => "root rotates only with a stolen key",
            Can::Never => "root is lost for ever",
        };
        let root = format!("{root} ({})", signing("root", self.root).name);
        let then = match (self.only_roles(), self.lost.is_empty()) {
            (true, false) => format!("nobody signs that role ({})", rules::ROLE_LOST.name),
            (true, true) => {
                format!("that role is signed only with a stolen key ({})", rules::ROLE_NEEDS_STOLEN.name)
            }
            (false, _) if self.old.harm != Harm::Nothing && self.up_to != Harm::Nothing => {
                return format!("{root}; clients of the newest root suffer up to {}", self.up_to.name());
            }
            (false, _) => return root,
        };
        format!("{root}; until other keys are named {then}")
    }
}

/// The fewest keys from which something follows.
fn fewest(from: &[Combination]) -> String {
    cut_by(&from.iter().map(combination).collect::<Vec<_>>(), ", or ")
}

/// `1 of A lost, 2 of B stolen`.
fn combination(combination: &Combination) -> String {
    let mut said = Vec::new();
    for (letter, (lost, stolen)) in letters().zip(combination) {
        for (many, how) in [(lost, "lost"), (stolen, "stolen")] {
            if *many > 0 {
                said.push(format!("{many} of {letter} {how}"));
            }
        }
    }
    if said.is_empty() { "no key at all".to_owned() } else { said.join(" and ") }
}

/// `A` to `Z`, then `AA`, ...
fn letters() -> impl Iterator<Item = String> {
    let one = || ('A'..='Z').map(String::from);
    one().chain(('A'..='Z').flat_map(move |a| one().map(move |b| format!("{a}{b}"))))
}
