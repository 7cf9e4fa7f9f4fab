//! What is drawn, as bytes for the terminal: the sequences of ECMA-48 that every terminal understands, and two of xterm's.

use std::fs::File;
use std::io;
use std::io::Write;

use ratatui::backend::Backend;
use ratatui::backend::ClearType;
use ratatui::backend::WindowSize;
use ratatui::buffer::Cell;
use ratatui::layout::Position;
use ratatui::layout::Size;
use ratatui::style::Color;
use rustix::termios::tcgetwinsize;

use crate::tui::run::out::Out;

/// Another screen than the shell's, and no cursor.
pub(super) const ENTER: &[u8] = b"\x1b[?1049h\x1b[?25l";
/// The shell's again, as it was.
pub(super) const LEAVE: &[u8] = b"\x1b[?1049l\x1b[?25h";

/// The colours that every terminal has, by their number.
const SIXTEEN: [Color; 16] = [
    Color::Black,
    Color::Red,
    Color::Green,
    Color::Yellow,
    Color::Blue,
    Color::Magenta,
    Color::Cyan,
    Color::Gray,
    Color::DarkGray,
    Color::LightRed,
    Color::LightGreen,
    Color::LightYellow,
    Color::LightBlue,
    Color::LightMagenta,
    Color::LightCyan,
    Color::White,
];

/// A terminal that frames are drawn on.
pub struct Ansi {
    out: Out,
    cursor: Position,
}

impl Ansi {
    /// On this terminal.
    pub fn new(terminal: File) -> Self {
        Self { out: Out::new(terminal), cursor: Position::ORIGIN }
    }

    /// What is drawn from here on is shown all at once, by terminals that know how.
    pub(super) fn begin(&mut self) -> io::Result<()> {
        self.out.write_all(b"\x1b[?2026h")
    }

    /// Now.
    pub(super) fn end(&mut self) -> io::Result<()> {
        self.out.write_all(b"\x1b[?2026l")?;
        self.out.flush()
    }
}

impl Backend for Ansi {
    type Error = io::Error;

    fn draw<'a, I: Iterator<Item = (u16, u16, &'a Cell)>>(&mut self, cells: I) -> io::Result<()> {
        paint(&mut self.out, cells)
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        self.out.write_all(b"\x1b[?25l")
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        self.out.write_all(b"\x1b[?25h")
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        Ok(self.cursor)
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        self.cursor = position.into();
        go_to(&mut self.out, self.cursor)
    }

    fn clear(&mut self) -> io::Result<()> {
        self.clear_region(ClearType::All)
    }

    fn clear_region(&mut self, region: ClearType) -> io::Result<()> {
        self.out.write_all(match region {
            ClearType::All => b"\x1b[2J",
            ClearType::AfterCursor => b"\x1b[0J",
            ClearType::BeforeCursor => b"\x1b[1J",
            ClearType::CurrentLine => b"\x1b[2K",
            ClearType::UntilNewLine => b"\x1b[0K",
        })
    }

    fn size(&self) -> io::Result<Size> {
        let size = tcgetwinsize(self.out.terminal())?;
        Ok(Size { width: size.ws_col, height: size.ws_row })
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        let size = tcgetwinsize(self.out.terminal())?;
        Ok(WindowSize {
            columns_rows: Size { width: size.ws_col, height: size.ws_row },
            pixels: Size { width: size.ws_xpixel, height: size.ws_ypixel },
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Cells, each at its place and in its style. What the one before it has said already is not said again; a cell after a
/// wide character is not the next one, so that a terminal that knows another width of it goes on at the right place.
fn paint<'a>(out: &mut impl Write, cells: impl Iterator<Item = (u16, u16, &'a Cell)>) -> io::Result<()> {
    let mut here = None;
    let mut style = Cell::EMPTY.style();
    for (x, y, cell) in cells {
        if here != Some(Position { x, y }) {
            go_to(out, Position { x, y })?;
        }
        here = Some(Position { x: x.saturating_add(1), y });
        if cell.style() != style {
            style = cell.style();
            dress(out, cell)?;
        }
        out.write_all(cell.symbol().as_bytes())?;
    }
    out.write_all(b"\x1b[0m")
}

fn go_to(out: &mut impl Write, Position { x, y }: Position) -> io::Result<()> {
    write!(out, "\x1b[{};{}H", u32::from(y) + 1, u32::from(x) + 1)
}

/// A style, from nothing: the numbers 1 to 9 are the modifiers, from the lowest bit to the highest.
fn dress(out: &mut impl Write, cell: &Cell) -> io::Result<()> {
    out.write_all(b"\x1b[0")?;
    for modifier in cell.modifier.iter() {
        write!(out, ";{}", modifier.bits().trailing_zeros() + 1)?;
    }
    colour(out, 38, cell.fg)?;
    colour(out, 48, cell.bg)?;
    out.write_all(b"m")
}

/// The sixteen are said by their index too: said by name, bold would make some of them other colours.
fn colour(out: &mut impl Write, ground: u8, colour: Color) -> io::Result<()> {
    match colour {
        Color::Rgb(r, g, b) => write!(out, ";{ground};2;{r};{g};{b}"),
        Color::Indexed(index) => write!(out, ";{ground};5;{index}"),
        named => match SIXTEEN.iter().position(|other| *other == named) {
            Some(index) => write!(out, ";{ground};5;{index}"),
            None => Ok(()),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU16;

    use proptest::collection::vec;
    use proptest::prelude::*;
    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;
    use ratatui::style::Modifier;
    use ratatui::style::Style;

    use super::*;

    fn bytes(cells: &[(u16, u16, &str, Style)]) -> String {
        let cells: Vec<_> = cells
            .iter()
            .map(|(x, y, symbol, style)| {
                let mut cell = Cell::EMPTY;
                cell.set_symbol(symbol).set_style(*style);
                (*x, *y, cell)
            })
            .collect();
        let mut out = Vec::new();
        paint(&mut out, cells.iter().map(|(x, y, cell)| (*x, *y, cell))).unwrap();
        String::from_utf8(out).unwrap().replace('\x1b', "^")
    }

    #[test]
    fn a_place_is_said_where_cells_do_not_follow_each_other() {
        let plain = Style::new();
        let cells = [(0, 0, "a", plain), (1, 0, "b", plain), (3, 0, "c", plain), (4, 1, "d", plain)];
        assert_eq!(bytes(&cells), "^[1;1Hab^[1;4Hc^[2;5Hd^[0m");
        assert_eq!(bytes(&[(65535, 65535, "z", plain)]), "^[65536;65536Hz^[0m");
    }

    #[test]
    fn a_style_is_said_where_it_changes() {
        let (bold, plain) = (Style::new().fg(Color::Red).add_modifier(Modifier::BOLD), Style::new());
        let cells = [(0, 0, "a", plain), (1, 0, "b", bold), (2, 0, "c", bold), (3, 0, "d", plain)];
        assert_eq!(bytes(&cells), "^[1;1Ha^[0;1;38;5;1mbc^[0md^[0m");
        let code = Style::new().fg(Color::Rgb(0, 0, 0)).bg(Color::Rgb(255, 255, 255));
        assert_eq!(bytes(&[(0, 0, "#", code)]), "^[1;1H^[0;38;2;0;0;0;48;2;255;255;255m#^[0m");
        let every = Style::new().bg(Color::Indexed(200)).fg(Color::White).add_modifier(Modifier::all());
        assert_eq!(bytes(&[(0, 0, "#", every)]), "^[1;1H^[0;1;2;3;4;5;6;7;8;9;38;5;15;48;5;200m#^[0m");
    }

    #[test]
    fn what_follows_a_wide_character_is_put_at_its_place() {
        let plain = Style::new();
        assert_eq!(bytes(&[(0, 0, "漢", plain), (2, 0, "x", plain)]), "^[1;1H漢^[1;3Hx^[0m");
    }

    /// A stretch of a line: where it begins, what it says, in which style.
    fn stretch() -> impl Strategy<Value = (u16, u16, String, Style)> {
        let color = prop_oneof![
            Just(Color::Reset),
            proptest::sample::select(&SIXTEEN[..]),
            any::<u8>().prop_map(Color::Indexed),
            any::<[u8; 3]>().prop_map(|[r, g, b]| Color::Rgb(r, g, b)),
        ];
        // What the parser knows of the modifiers.
        let known = Modifier::BOLD | Modifier::ITALIC | Modifier::UNDERLINED | Modifier::REVERSED;
        let modifier = any::<u16>().prop_map(move |bits| Modifier::from_bits_truncate(bits) & known);
        let style = (color.clone(), color, modifier)
            .prop_map(|(fg, bg, modifier)| Style::new().fg(fg).bg(bg).add_modifier(modifier));
        (0..WIDTH, 0..HEIGHT, "[a-z 漢字█▀é🔑]{0,12}", style)
    }

    const WIDTH: u16 = 20;
    const HEIGHT: u16 = 5;

    fn shown(color: Color) -> vt100::Color {
        match color {
            Color::Rgb(r, g, b) => vt100::Color::Rgb(r, g, b),
            Color::Indexed(index) => vt100::Color::Idx(index),
            named => match SIXTEEN.iter().position(|other| *other == named) {
                Some(index) => vt100::Color::Idx(index as u8),
                None => vt100::Color::Default,
            },
        }
    }

    proptest! {
        #[test]
        fn a_terminal_shows_what_was_drawn(stretches in vec(stretch(), 0..20)) {
            let mut buffer = Buffer::empty(Rect::new(0, 0, WIDTH, HEIGHT));
            let mut out = Vec::new();
            let size = |n| NonZeroU16::new(n).unwrap();
            let mut terminal = vt100::Parser::new(size(HEIGHT), size(WIDTH), 0);
            for (x, y, text, style) in stretches {
                buffer.set_string(x, y, text, style);
            }

            paint(&mut out, Buffer::empty(buffer.area).diff(&buffer).into_iter()).unwrap();
            terminal.process(&out);

            for (x, y) in (0..HEIGHT).flat_map(|y| (0..WIDTH).map(move |x| (x, y))) {
                let (cell, there) = (&buffer[(x, y)], terminal.screen().cell(y, x).unwrap());
                if there.is_wide_continuation() {
                    continue;
                }
                let symbol = if there.contents().is_empty() { " " } else { there.contents() };
                prop_assert_eq!(symbol, cell.symbol());
                prop_assert_eq!((there.fgcolor(), there.bgcolor()), (shown(cell.fg), shown(cell.bg)));
                let modifiers = [
                    (there.bold(), Modifier::BOLD),
                    (there.italic(), Modifier::ITALIC),
                    (there.underline(), Modifier::UNDERLINED),
                    (there.inverse(), Modifier::REVERSED),
                ];
                for (set, modifier) in modifiers {
                    prop_assert_eq!(set, cell.modifier.contains(modifier));
                }
            }
        }
    }
}
