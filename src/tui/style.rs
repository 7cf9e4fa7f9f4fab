//! The only file that knows colours. State is always in words too; a colour repeats it.

use ratatui::buffer::Buffer;
use ratatui::style::Color;
use ratatui::style::Modifier;
use ratatui::style::Style;

/// How things look: with colours, or (`NO_COLOR`) with bold, underlined and reversed text alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Palette {
    /// Whether colours are used.
    pub color: bool,
    /// White on black alone, and what must not be missed turned around.
    pub contrast: bool,
    /// The terminal shows ASCII and nothing else.
    pub ascii: bool,
}

impl Palette {
    fn style(self, color: Color, modifier: Modifier) -> Style {
        let style = Style::new().add_modifier(modifier);
        match (self.color, self.contrast) {
            (true, true) if color == Color::Red => style.fg(Color::Black).bg(Color::White),
            (true, true) => style.fg(Color::White),
            (true, false) => style.fg(color),
            (false, _) => style,
        }
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

/// What a terminal that shows ASCII alone gets in the place of everything else.
pub fn in_ascii(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        if cell.symbol().is_ascii() {
            continue;
        }
        let plain = match cell.symbol() {
            "\u{2500}" | "\u{2550}" => "-",
            "\u{2502}" | "\u{2551}" => "|",
            "\u{250c}" | "\u{2510}" | "\u{2514}" | "\u{2518}" | "\u{251c}" | "\u{2524}" => "+",
            "\u{2580}" => "\"",
            "\u{2584}" => "_",
            "\u{2588}" => "#",
            _ => "?",
        };
        cell.set_symbol(plain);
    }
}
