//! QR codes in images: written as PNG for printers and other people's readers, read back from PNG and from PNM.
//!
//! Pure: images are bytes. Reading is for pictures of codes, such as screenshots and scans, and gives up on none of the
//! codes because of another.

mod crowd;

use std::cell::Cell;
use std::io::Cursor;
use std::panic;
use std::panic::AssertUnwindSafe;
use std::sync::Once;
use std::thread;

use png::BitDepth;
use png::ColorType;
use png::Decoder;
use png::Encoder;
use png::Transformations;
use rqrr::PreparedImage;

/// Light modules around a printed code, as ISO/IEC 18004 asks.
const QUIET: usize = 4;
/// Pixels of a module's side.
const SCALE: usize = 8;
/// The most pixels of an image that is read: a large scanner's page.
const MAX_PIXELS: usize = 1 << 27;
/// The most codes that are read in one image.
const MAX_CODES: usize = 4096;

/// Why an image gave no text. A fragment.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct ImageError(String);

/// A picture in shades of grey, line by line.
struct Grey {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

/// Whether these bytes begin as an image that [`read`] knows.
pub fn is_image(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x89PNG\r\n\x1a\n") || pnm_kind(bytes).is_some()
}

/// `P4`, `P5`, `P6` and white space: PBM, PGM and PPM in their binary forms.
fn pnm_kind(bytes: &[u8]) -> Option<u8> {
    match bytes {
        [b'P', kind @ (b'4' | b'5' | b'6'), space, ..] if space.is_ascii_whitespace() => Some(*kind),
        _ => None,
    }
}

/// A text's code as a PNG, black on white; `None` when no code holds the text.
pub fn png(text: &str) -> Option<Vec<u8>> {
    let modules = super::modules(text, qrcode::EcLevel::L)?;
    let inner = modules.len() - 2 * super::QUIET;
    let side = (inner + 2 * QUIET) * SCALE;
    let dark = |x: usize, y: usize| {
        let at = |pixel: usize| (pixel / SCALE).checked_sub(QUIET).filter(|at| *at < inner);
        at(x).zip(at(y)).is_some_and(|(x, y)| modules[y + super::QUIET][x + super::QUIET])
    };
    let mut bits = vec![0; side * side.div_ceil(8)];
    for y in 0..side {
        for x in (0..side).filter(|x| !dark(*x, y)) {
            bits[y * side.div_ceil(8) + x / 8] |= 0x80 >> (x % 8);
        }
    }
    let mut file = Vec::new();
    let side = u32::try_from(side).ok()?;
    let mut encoder = Encoder::new(&mut file, side, side);
    encoder.set_color(ColorType::Grayscale);
    encoder.set_depth(BitDepth::One);
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(&bits).ok()?;
    writer.finish().ok()?;
    Some(file)
}

/// The texts of all codes in an image.
pub fn read(image: &[u8]) -> Result<Vec<String>, ImageError> {
    let grey = if pnm_kind(image).is_some() { pnm(image) } else { from_png(image) }?;
    if grey.width == 0 || grey.height == 0 {
        return Err(ImageError("an image without pixels".to_owned()));
    }
    match unbroken(|| codes(&grey)) {
        Ok(None) => {
            Err(ImageError("an image with too many codes, or parts of them: take fewer at a time".to_owned()))
        }
        Ok(Some((0, _))) => Err(ImageError("no QR code is seen in the image".to_owned())),
        Ok(Some((_, texts))) if !texts.is_empty() => Ok(texts),
        Ok(_) | Err(_) => Err(ImageError("a QR code is seen in the image, and cannot be read".to_owned())),
    }
}

thread_local! {
    /// Whether this thread looks for codes.
    static LOOKING: Cell<bool> = const { Cell::new(false) };
}

/// The reader of codes is someone else's, and pictures are anyone's: one that breaks it is one that is not read, and nobody is
/// shown where it broke.
fn unbroken<T>(look: impl FnOnce() -> T) -> thread::Result<T> {
    static HOOKED: Once = Once::new();
    HOOKED.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !LOOKING.get() {
                usual(info);
            }
        }));
    });
    LOOKING.set(true);
    let seen = panic::catch_unwind(AssertUnwindSafe(look));
    LOOKING.set(false);
    seen
}

/// How many codes are seen, and the texts of those that can be read; `None` when looking would not end.
fn codes(grey: &Grey) -> Option<(usize, Vec<String>)> {
    let mut prepared = PreparedImage::prepare_from_greyscale(grey.width, grey.height, |x, y| {
        grey.pixels[y * grey.width + x]
    });
    let (width, height) = (grey.width, grey.height);
    let dark = (0..width * height).map(|at| prepared.get_pixel_at(at % width, at / width) != 0);
    if crowd::is_one(dark, width) {
        return None;
    }
    let grids = prepared.detect_grids();
    let texts = grids.iter().take(MAX_CODES).filter_map(|grid| Some(grid.decode().ok()?.1)).collect();
    Some((grids.len(), texts))
}

fn too_large() -> ImageError {
    ImageError(format!("an image of more than {MAX_PIXELS} pixels"))
}

fn area(width: usize, height: usize) -> Result<usize, ImageError> {
    width.checked_mul(height).filter(|pixels| *pixels <= MAX_PIXELS).ok_or_else(too_large)
}

fn from_png(image: &[u8]) -> Result<Grey, ImageError> {
    let broken = |error: png::DecodingError| ImageError(format!("a PNG that cannot be read: {error}"));
    let mut decoder = Decoder::new(Cursor::new(image));
    decoder.set_transformations(Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(broken)?;
    let (width, height) = (reader.info().width, reader.info().height);
    let (Ok(width), Ok(height)) = (usize::try_from(width), usize::try_from(height)) else {
        return Err(too_large());
    };
    area(width, height)?;
    let mut pixels = vec![0; reader.output_buffer_size().ok_or_else(too_large)?];
    let info = reader.next_frame(&mut pixels).map_err(broken)?;
    let shades = pixels.chunks_exact(info.color_type.samples());
    let grey: Vec<u8> = shades.take(width * height).map(shade).collect();
    if grey.len() < width * height {
        return Err(ImageError("a PNG that ends too early".to_owned()));
    }
    Ok(Grey { width, height, pixels: grey })
}

/// The lightness of one pixel; what shows through is white.
fn shade(samples: &[u8]) -> u8 {
    let (light, alpha) = match samples {
        [grey] => (u32::from(*grey), 255),
        [grey, alpha] => (u32::from(*grey), u32::from(*alpha)),
        [r, g, b] => ((u32::from(*r) * 2 + u32::from(*g) * 5 + u32::from(*b)) / 8, 255),
        [r, g, b, alpha, ..] => {
            ((u32::from(*r) * 2 + u32::from(*g) * 5 + u32::from(*b)) / 8, u32::from(*alpha))
        }
        [] => (255, 255),
    };
    u8::try_from((light * alpha + 255 * (255 - alpha)) / 255).unwrap_or(255)
}

/// A binary PNM with samples of one byte, or of one bit.
fn pnm(image: &[u8]) -> Result<Grey, ImageError> {
    let broken = || ImageError("a PNM that cannot be read".to_owned());
    let kind = pnm_kind(image).ok_or_else(broken)?;
    let mut rest = &image[2..];
    let width = number(&mut rest).ok_or_else(broken)?;
    let height = number(&mut rest).ok_or_else(broken)?;
    let pixels = area(width, height)?;
    if kind != b'4' && number(&mut rest).filter(|max| *max == 255).is_none() {
        return Err(ImageError("a PNM whose samples are not of one byte".to_owned()));
    }
    // One white space ends the header.
    let data = rest.get(1..).ok_or_else(broken)?;
    let grey: Vec<u8> = match kind {
        b'4' => {
            let row = width.div_ceil(8);
            let bit = |at: usize| {
                let byte = data.get(at / width * row + at % width / 8)?;
                Some(if byte & (0x80 >> (at % width % 8)) == 0 { 255 } else { 0 })
            };
            (0..pixels).map_while(bit).collect()
        }
        b'5' => data.iter().take(pixels).copied().collect(),
        _ => data.chunks_exact(3).take(pixels).map(shade).collect(),
    };
    if grey.len() < pixels { Err(broken()) } else { Ok(Grey { width, height, pixels: grey }) }
}

/// A number of a PNM header, after white space and comments.
fn number(rest: &mut &[u8]) -> Option<usize> {
    loop {
        match rest {
            [b'#', ..] => {
                let end = rest.iter().position(|byte| *byte == b'\n')?;
                *rest = &rest[end..];
            }
            [space, after @ ..] if space.is_ascii_whitespace() => *rest = after,
            _ => break,
        }
    }
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, after) = rest.split_at(digits);
    *rest = after;
    std::str::from_utf8(number).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The PNG as a PGM, so that both readers see the same.
    fn pgm(png: &[u8]) -> Vec<u8> {
        let grey = from_png(png).unwrap();
        let header = format!("P5\n# a comment\n{} {}\n255\n", grey.width, grey.height);
        [header.as_bytes(), &grey.pixels].concat()
    }

    fn pbm(png: &[u8]) -> Vec<u8> {
        let grey = from_png(png).unwrap();
        let mut file = format!("P4 {} {}\n", grey.width, grey.height).into_bytes();
        for row in grey.pixels.chunks(grey.width) {
            let byte = |part: &[u8]| {
                (0..8).map(|n| u8::from(part.get(n).is_some_and(|p| *p < 128)) << (7 - n)).sum::<u8>()
            };
            file.extend(row.chunks(8).map(byte));
        }
        file
    }

    #[test]
    fn a_text_comes_back_from_every_kind_of_image() {
        let text = "KR1:ABCDEFGH:1/1:MZXW6YTBOI:ABCD";
        let png = png(text).unwrap();

        for image in [pgm(&png), pbm(&png), png] {
            assert!(is_image(&image));
            assert_eq!(read(&image).unwrap(), [text]);
        }
    }

    #[test]
    fn several_codes_in_one_image_are_all_read() {
        let texts = ["KR1:FIRST", "KR1:SECOND", "KR1:THIRD"];
        let images = texts.map(|text| from_png(&png(text).unwrap()).unwrap());
        let height: usize = images.iter().map(|image| image.height).sum();
        let mut file = format!("P5 {} {height} 255\n", images[0].width).into_bytes();
        images.iter().for_each(|image| file.extend(&image.pixels));

        let mut found = read(&file).unwrap();

        found.sort();
        assert_eq!(found, texts);
    }

    #[test]
    fn what_holds_no_code_says_so_and_nothing_makes_it_panic() {
        let white = [&b"P5 40 40 255\n"[..], &[255; 1600]].concat();
        let png = png("KR1:TEXT").unwrap();

        assert_eq!(read(&white).unwrap_err().to_string(), "no QR code is seen in the image");
        for image in
            [&b"P5 4 4 255\n"[..], b"P5 0 0 255\n", b"P5 99999999999 99999999999 255\n", b"P4 #", &png[..60]]
        {
            assert!(read(image).is_err());
        }
        for at in 0..png.len() {
            let mut broken = png.clone();
            broken[at] ^= 0x55;
            let _ = read(&broken);
        }
    }

    /// Found by making it: 1024 corners in a square took a minute, and more of them hours.
    #[test]
    fn a_picture_of_many_corners_is_refused_and_does_not_hang() {
        let (side, cell) = (40, 9);
        let width = side * cell + 2;
        let corner = |at: usize| {
            let edge = |n: usize| n == 0 || n == 6;
            let core = |n: usize| (2..5).contains(&n);
            let (x, y) = ((at % width).wrapping_sub(2) % cell, (at / width).wrapping_sub(2) % cell);
            let inside = at % width >= 2 && at / width >= 2 && x < 7 && y < 7;
            inside && (edge(x) || edge(y) || core(x) && core(y))
        };
        let mut file = format!("P5 {width} {width} 255\n").into_bytes();
        file.extend((0..width * width).map(|at| if corner(at) { 0 } else { 255 }));

        let refused = read(&file).unwrap_err();

        assert_eq!(
            refused.to_string(),
            "an image with too many codes, or parts of them: take fewer at a time"
        );
    }

    #[test]
    fn a_picture_that_was_scribbled_on_is_read_or_refused() {
        let modules = crate::qr::modules("KR1:ABCDEFGH:1/1:MZXW6YTBOI:ABCD", qrcode::EcLevel::L).unwrap();
        let (scale, side) = (3, modules.len() * 3);
        let mut seed = 1_u32;
        let mut random = |below: usize| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            usize::try_from(seed >> 8).unwrap() % below
        };
        for _ in 0..150 {
            let mut file = format!("P5 {side} {side} 255\n").into_bytes();
            let start = file.len();
            file.extend(
                (0..side * side).map(
                    |at| {
                        if modules[at / side / scale][at % side / scale] { 0 } else { 255 }
                    },
                ),
            );
            for _ in 0..random(12) {
                let (x, y, w, h, shade) = (random(side), random(side), random(25), random(25), random(256));
                for (y, x) in (y..(y + h).min(side)).flat_map(|y| (x..(x + w).min(side)).map(move |x| (y, x)))
                {
                    file[start + y * side + x] = u8::try_from(shade).unwrap();
                }
            }

            // A panic inside would be one of the refusals: what counts is that it comes back.
            let _ = read(&file);
        }
    }
}
