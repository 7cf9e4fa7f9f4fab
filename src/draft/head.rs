//! The head of the file: what it is, and what it answers.

use std::fmt::Write as _;

use crate::draft::Gone;
use crate::draft::sections::Draft;
use crate::draft::text::quoted;
use crate::plan::Kind;
use crate::plan::placeholder;

impl Draft<'_> {
    pub(super) fn head(&self, text: &mut String) {
        let kind = self.request.kind;
        let day: String = self.request.now.to_string().chars().take(10).collect();
        let next = self.request.repository.root.version.saturating_add(1);
        let title = match kind {
            Kind::RootGenesis => "Genesis of our root of trust".to_owned(),
            Kind::RootRenewal => format!("Renewal of our root of trust: version {next}"),
            Kind::KeyRotation => format!("Rotation of keys: root version {next}"),
            Kind::CompromiseResponse if self.makes_root() => {
                format!("Response to lost or stolen keys: root version {next}")
            }
            Kind::CompromiseResponse => "Response to lost or stolen keys of delegates".to_owned(),
            Kind::DelegationChange => "Change of whom targets delegates to".to_owned(),
            Kind::TargetsSigning => "Signing of new target files".to_owned(),
            Kind::RestoreDrill => "Drill: every key opens, and signs".to_owned(),
            Kind::Destruction => "Destruction of keys that no role lists".to_owned(),
        };
        text.push_str(
            "# A ceremony file, filled from the metadata as it lies. It is a start: read every line, correct what is marked EDIT,\n\
             # then `keyrite check` proves it.\n",
        );
        let _ = writeln!(
            text,
            "keyrite: 1\nid: {day}-{}\ntitle: {}\ntype: {}",
            kind.name(),
            quoted(&title),
            kind.name()
        );
        if kind == Kind::CompromiseResponse {
            let _ = writeln!(text, "incident: {}   # EDIT", quoted(placeholder::INCIDENT));
            self.gone(text);
            text.push_str("# A stolen key may sign too, and never counts as needed. A lost one cannot.\n");
        }
    }

    /// The keys that are lost or stolen. Where nobody said which, the file does not either.
    fn gone(&self, text: &mut String) {
        let Some(gone) = self.request.gone else { return };
        let question = &gone.assessment().question;
        if let Gone::Example(_) = gone {
            let example = self.names(question.lost.union(&question.stolen)).join(", ");
            let _ = writeln!(
                text,
                "lost: [{}]   # EDIT; keys that someone else may have are `stolen: [...]`\n\
                 # The rest is drafted as if {example} were lost. For any others, let it be drafted anew:\n\
                 # `keyrite assess DIR --lost KEY --stolen KEY --repair FILE` does.",
                quoted(placeholder::GONE)
            );
            return;
        }
        for (which, keys) in [("lost", &question.lost), ("stolen", &question.stolen)] {
            if !keys.is_empty() {
                let _ = writeln!(text, "{which}: [{}]", self.names(keys).join(", "));
            }
        }
    }
}
