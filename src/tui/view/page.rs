//! What every screen has: the title bar, the line that tells a rehearsal from a ceremony, and the keys.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::text::Span;
use ratatui::widgets::Clear;

use crate::tui::keymap;
use crate::tui::style::Palette;
use crate::tui::view::doc::Doc;
use crate::tui::view::doc::columns;
use crate::tui::view::doc::cut;

/// The smallest terminal that is drawn on.
pub const SMALLEST: (u16, u16) = (80, 24);
/// From this size on there are two columns.
pub const WIDE: (u16, u16) = (140, 30);
/// Columns of the right one.
const SIDE: u16 = 74;

/// A key and what it does.
pub type Hint = (&'static str, String);

/// Where things are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Areas {
    /// What is done now.
    pub main: Rect,
    /// The overview beside it, where there is room.
    pub side: Option<Rect>,
}

impl Areas {
    /// For a terminal of this many columns and rows.
    pub fn of(size: (u16, u16)) -> Self {
        let (width, height) = size;
        let inner = Rect::new(1, 2, width.saturating_sub(2), height.saturating_sub(4));
        if width < WIDE.0 || height < WIDE.1 {
            return Self { main: inner, side: None };
        }
        let main = Rect { width: inner.width - SIDE - 3, ..inner };
        Self { main, side: Some(Rect { x: main.right() + 3, width: SIDE, ..inner }) }
    }
}

/// What a page says around its content.
pub struct Page<'a> {
    /// How things look.
    pub palette: Palette,
    /// The title bar, left and right.
    pub title: (String, String),
    /// A rehearsal says so on every screen.
    pub rehearsal: bool,
    /// The keys that work now.
    pub keys: &'a [Hint],
    /// The content.
    pub doc: &'a Doc,
    /// How many of its moving lines are above the window.
    pub scroll: usize,
    /// What was just done and holds: who did it sees that it counts.
    pub done: Option<&'a str>,
}

/// Whether a terminal of this many columns and rows is drawn on.
pub fn fits(size: (u16, u16)) -> bool {
    size.0 >= SMALLEST.0 && size.1 >= SMALLEST.1
}

/// Says that the terminal is too small; `true` when it is.
pub fn too_small(frame: &mut Frame) -> bool {
    let area = frame.area();
    if fits((area.width, area.height)) {
        return false;
    }
    let text = format!("Make this window larger: {}x{} at least; keys do nothing.", SMALLEST.0, SMALLEST.1);
    put(frame, 0, 0, &cut(&text, usize::from(area.width)), Style::new());
    true
}

impl Page<'_> {
    /// Draws everything around the content, and the content.
    pub fn draw(&self, frame: &mut Frame, main: Rect) {
        let area = frame.area();
        self.title(frame, area.width);
        self.second_line(frame, area.width);
        let height = usize::from(main.height);
        let (pinned, moving) = self.doc.lines.split_at(self.doc.pinned);
        let shown = pinned.iter().chain(moving.iter().skip(self.scroll.saturating_sub(self.doc.unmade.0)));
        for (line, y) in shown.take(height).zip(main.y..) {
            frame.render_widget(line, Rect::new(main.x, y, main.width, 1));
        }
        self.rule(frame, area);
        self.keys(frame, area.height.saturating_sub(1));
    }

    fn title(&self, frame: &mut Frame, width: u16) {
        let (mut left, mut right) = self.title.clone();
        if columns(&left) + columns(&right) + 3 > usize::from(width) {
            // What is not needed goes first.
            left = left.replace("   ", "  ");
            right = right.trim_start_matches("event ").to_owned();
        }
        let room = usize::from(width).saturating_sub(columns(&right) + 3);
        let left = cut(&left, room);
        let gap = usize::from(width).saturating_sub(columns(&left) + columns(&right) + 2);
        put(frame, 0, 0, &format!(" {left}{}{right} ", " ".repeat(gap)), self.palette.title());
    }

    fn second_line(&self, frame: &mut Frame, width: u16) {
        let width = usize::from(width);
        if self.rehearsal {
            let text = " REHEARSAL: nothing made here is real.  ".repeat(width / 40 + 1);
            put(frame, 0, 1, &text[..width.min(text.len())], self.palette.watermark());
        } else {
            put(frame, 0, 1, &"\u{2500}".repeat(width), Style::new());
        }
    }

    fn rule(&self, frame: &mut Frame, area: Rect) {
        let width = usize::from(area.width);
        let (lines, height) = self.doc.extent(usize::from(area.height.saturating_sub(4)));
        let below = lines.saturating_sub(self.scroll + height);
        let text = match (self.scroll, below) {
            (0, 0) => String::new(),
            (above, 0) => format!(" the end; lines above: {above}, PgUp "),
            (0, below) => format!(" lines below: {below}, PgDn "),
            (above, below) => format!(" lines above: {above}, PgUp; below: {below}, PgDn "),
        };
        let dashes = width.saturating_sub(text.len() + 2);
        let style = if below > 0 { self.palette.waiting() } else { Style::new() };
        let y = area.height.saturating_sub(2);
        put(frame, 0, y, &"\u{2500}".repeat(width), Style::new());
        if let Some(done) = self.done {
            let done = cut(&format!(" [ OK ] {done} "), dashes.saturating_sub(2));
            put(frame, 1, y, &done, self.palette.good());
        }
        put(frame, u16::try_from(dashes).unwrap_or(0), y, &text, style);
    }

    fn keys(&self, frame: &mut Frame, y: u16) {
        let mut spans = vec![Span::raw(" ")];
        let width = |(key, what): &Hint| columns(key) + columns(what) + 5;
        let over = |keys: &[Hint]| {
            // A blank before them all, and none behind the last.
            (keys.iter().map(width).sum::<usize>()).saturating_sub(usize::from(frame.area().width) + 1)
        };
        // Codes are left to the help where there is no room for them.
        let mut keys = self.keys.to_vec();
        for code in [keymap::KEYS, keymap::CODE] {
            if over(&keys) > 0 {
                keys.retain(|(key, _)| *key != code);
            }
        }
        let over = over(&keys);
        for (n, (key, what)) in keys.iter().enumerate() {
            // What still does not fit is taken from the first text, so that every key stays.
            let what = if n == 0 { cut(what, columns(what).saturating_sub(over)) } else { what.clone() };
            spans.push(Span::styled(format!("[{key}]"), self.palette.key()));
            spans.push(Span::raw(format!(" {what}  ")));
        }
        let area = Rect::new(0, y, frame.area().width, 1);
        frame.render_widget(Line::from(spans), area);
    }
}

/// Puts a text at a place.
pub fn put(frame: &mut Frame, x: u16, y: u16, text: &str, style: Style) {
    let area = frame.area();
    if x < area.width && y < area.height {
        frame.buffer_mut().set_stringn(x, y, text, usize::from(area.width - x), style);
    }
}

/// An empty window over the screen with a frame around it; returns its inside.
pub fn window(frame: &mut Frame, palette: Palette, title: &str, width: u16, height: u16) -> Rect {
    let area = frame.area();
    let (width, height) = (width.min(area.width), height.min(area.height.saturating_sub(4)));
    let outer = Rect::new((area.width - width) / 2, 2 + (area.height - 4 - height) / 2, width, height);
    frame.render_widget(Clear, outer);
    let block =
        ratatui::widgets::Block::bordered().title(Line::styled(format!(" {title} "), palette.heading()));
    let inner = block.inner(outer);
    frame.render_widget(block, outer);
    Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner }
}
