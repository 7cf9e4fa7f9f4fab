//! The only file that knows colours. State is always in words too; a colour repeats it.

use ratatui::style::Color;
use ratatui::style::Modifier;
use ratatui::style::Style;

/// How things look: with colours, or (`NO_COLOR`) with bold, underlined and reversed text alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Palette {
    /// Whether colours are used.
    pub color: bool,
}

impl Palette {
    fn style(self, color: Color, modifier: Modifier) -> Style {
        let style = Style::new().add_modifier(modifier);
        if self.color { style.fg(color) } else { style }
    }

    /// The title bar.
    pub fn title(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED | Modifier::BOLD)
    }

    /// The line that says that this is a rehearsal.
    pub fn watermark(self) -> Style {
        if self.color {
            Style::new().fg(Color::Black).bg(Color::Yellow).add_modifier(Modifier::BOLD)
        } else {
            self.title()
        }
    }

    /// What is done now.
    pub fn instruction(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// A heading.
    pub fn heading(self) -> Style {
        self.style(Color::Cyan, Modifier::BOLD)
    }

    /// What must not be missed.
    pub fn warning(self) -> Style {
        self.style(Color::Red, Modifier::BOLD)
    }

    /// `[ OK ]`
    pub fn good(self) -> Style {
        self.style(Color::Green, Modifier::BOLD)
    }

    /// `[WAIT]`, and whose turn it is.
    pub fn waiting(self) -> Style {
        self.style(Color::Yellow, Modifier::BOLD)
    }

    /// Words that are read aloud.
    pub fn words(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// A field that is typed into.
    pub fn field(self) -> Style {
        Style::new().add_modifier(Modifier::UNDERLINED | Modifier::BOLD)
    }

    /// The chosen line of a list.
    pub fn chosen(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// A key in the footer.
    pub fn key(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// A QR code: black on white, painted whatever `NO_COLOR` says, for an inverted code is not read.
    pub fn code(self) -> Style {
        Style::new().fg(Color::Rgb(0, 0, 0)).bg(Color::Rgb(255, 255, 255))
    }

    /// A mark by its word: `[ OK ]`, `[STOP]`, `[WAIT]`.
    pub fn mark(self, mark: &str) -> Style {
        match mark {
            "[ OK ]" => self.good(),
            "[STOP]" => self.warning(),
            "[WAIT]" | "[WAIVED]" => self.waiting(),
            _ => Style::new(),
        }
    }
}
