//! How the service presents itself in mails.

use core::fmt;

/// The longest name of a product, in characters: subject lines stay below 78 (RFC 5322, section
/// 2.1.1).
const MAX_PRODUCT_CHARS: usize = 40;

/// The operator's name and colour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brand {
    /// `PRODUCT_NAME`: what people call the service. One line of 1 to 40 characters.
    pub product: String,
    /// `BRAND_COLOUR`: the colour of the button.
    pub colour: Colour,
}

/// A colour of sRGB: red, green and blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour([u8; 3]);

impl Brand {
    /// Returns whether a text may be the name of a product: one line of 1 to 40 characters without
    /// blanks around it.
    #[must_use]
    pub fn is_product(text: &str) -> bool {
        (1..=MAX_PRODUCT_CHARS).contains(&text.chars().count())
            && !text.chars().any(char::is_control)
            && text.trim() == text
    }
}

impl Colour {
    /// Parses `#rrggbb`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#')?;
        if digits.len() != 6 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let [_, red, green, blue] = u32::from_str_radix(digits, 16).ok()?.to_be_bytes();
        Some(Self([red, green, blue]))
    }

    /// Returns the colour of a text on this colour: black or white, whichever has the higher
    /// contrast.
    #[must_use]
    pub fn text_on_it(self) -> Self {
        // WCAG 2.2's relative luminance, in millionths, with a gamma of 2 instead of about 2.2. At
        // 0.179 the contrasts are equal.
        let [red, green, blue] = self.0.map(|part| u32::from(part) * u32::from(part));
        let luminance = (red * 2_126 + green * 7_152 + blue * 722) / 650;
        if luminance > 179_000 {
            Self([0; 3])
        } else {
            Self([255; 3])
        }
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::{Brand, Colour};

    #[test]
    fn a_colour_has_six_digits() {
        for text in ["#000000", "#1f4e8c", "#ffffff"] {
            assert_eq!(Colour::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Colour::parse("#FFAA00").unwrap().to_string(), "#ffaa00");
        for text in [
            "", "#fff", "1f4e8c", "#1f4e8", "#1f4e8c0", "#+f4e8c", "#ü4e8c", "red",
        ] {
            assert_eq!(Colour::parse(text), None, "{text}");
        }
    }

    /// The contrast of two colours (WCAG 2.2).
    fn contrast(one: Colour, other: Colour) -> f64 {
        let luminance = |Colour(parts): Colour| {
            let [red, green, blue] = parts.map(|part| {
                let part = f64::from(part) / 255.0;
                if part <= 0.04045 {
                    part / 12.92
                } else {
                    ((part + 0.055) / 1.055).powf(2.4)
                }
            });
            0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05
        };
        let (one, other) = (luminance(one), luminance(other));
        one.max(other) / one.min(other)
    }

    #[test]
    fn the_text_on_every_colour_is_readable() {
        for number in 0..4_096_u16 {
            let part = |shift: u16| (number >> shift & 15) as u8 * 17;
            let colour = Colour([part(8), part(4), part(0)]);
            let found = contrast(colour, colour.text_on_it());
            // WCAG's level AA for bold texts is 3, for others 4.5.
            assert!(found > 4.0, "{colour} {found}");
        }
        assert_eq!(Colour([0; 3]).text_on_it().to_string(), "#ffffff");
        assert_eq!(Colour([255; 3]).text_on_it().to_string(), "#000000");
    }

    #[test]
    fn a_product_is_one_line() {
        for text in ["A", "Acme & Söhne <GmbH>", &"a".repeat(40)] {
            assert!(Brand::is_product(text), "{text}");
        }
        for text in [
            "",
            " ",
            "Acme ",
            "Ac\nme",
            "Ac\u{85}me",
            "Acme\r",
            &"a".repeat(41),
        ] {
            assert!(!Brand::is_product(text), "{text:?}");
        }
    }
}
