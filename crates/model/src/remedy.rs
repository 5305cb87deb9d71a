//! What is said when a value is refused, apart from the rules' own messages: one list, so that whoever
//! says it in another language can hold theirs against it. Nothing else can become a [`Remedy`].

use std::fmt::{self, Display, Formatter};

/// A text with places for what differs, for example `must be {min} or more; enter a greater number`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Template(&'static str);

/// What is wrong with a value and what to do about it, without a full stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remedy(String);

impl Template {
    /// The text, with its places.
    pub fn text(self) -> &'static str {
        self.0
    }

    /// The text of a template without places.
    pub(crate) fn say(self) -> Remedy {
        self.with(&[])
    }

    /// The text with its places filled in, in their order.
    pub(crate) fn with(self, values: &[&dyn Display]) -> Remedy {
        let parts = self.0.split(['{', '}']).enumerate();
        Remedy(parts.map(|(at, part)| if at % 2 == 0 { part.to_owned() } else { values.get(at / 2).map(ToString::to_string).unwrap_or_default() }).collect())
    }
}

impl Display for Remedy {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! templates {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        $($(#[$doc])* pub(crate) const $name: Template = Template($text);)*

        /// All there are.
        pub const ALL: &[Template] = &[$($name),*];
    };
}

templates! {
    // One value against its field.
    REQUIRED = "is needed; fill it in";
    LENGTH = "has {length} characters; {limit} are allowed, so shorten it";
    NULL_CHARACTER = "holds a null character; remove it";
    CHOICE = "“{choice}” is not on the list; choose one of {choices}";
    BETWEEN = "must lie between {min} and {max}; enter a number in that range";
    AT_LEAST = "must be {min} or more; enter a greater number";
    AT_MOST = "must be {max} or less; enter a smaller number";
    DIGITS_AFTER = "may have {digits} digits after the point; round it";
    DIGITS_BEFORE = "may have {digits} digits before the point; enter a smaller number";
    WRONG_TYPE = "has a value of the wrong type; enter {type}";
    // The form of a text.
    EMAIL = "is not a well-formed e-mail address; write one such as name@example.org";
    URL = "is not a web address; write one that starts with https:// or http://";
    WEBSITE = "is not a web address; write one such as https://www.example.org";
    PHONE = "is not a telephone number; write one of 3 to 15 digits, for example +44 20 7946 0018";
    COLOR = "is not a colour code; write one as #RRGGBB, for example #1F5B4E";
    ICON = "is not the name of a Lucide icon; write one such as clipboard-list";
    SLUG = "holds other characters than small letters, digits and single hyphens; use only those";
    USERNAME = "holds other characters than letters, digits and underscores; use only those";
    TIME_ZONE = "is not a time zone; name one such as Europe/Berlin";
    LANGUAGE = "is not a language tag; write one such as en or pt-BR";
    IP = "is not an IP address; write one such as 192.0.2.7";
    GA4 = "is not a GA4 measurement id; write G- and ten capitals or digits";
    HTML = "is not valid HTML; close every element and quote every attribute";
    // The form of a postal code, after the message of the rule.
    ZIP_US = "Write five digits, for example 94103";
    ZIP_FIVE = "Write five digits, for example 10115";
    ZIP_UK = "Write a postcode such as SW1A 1AA";
    ZIP_CANADA = "Write a postal code such as K1A 0B1";
    ZIP_NETHERLANDS = "Write a postcode such as 1012 AB";
    ZIP_FOUR = "Write four digits, for example 8001";
    ZIP_POLAND = "Write a code such as 00-001";
    ZIP_ELSEWHERE = "Use letters, digits, spaces and hyphens only";
    // The shape of structured data, after the message of the rule.
    OBJECT = "An object with named values is expected";
    LIST = "A list is expected";
    LIST_OF_TEXTS = "A list of texts is expected";
    MUST_BE_LIST_OF_TEXTS = "“{part}” must be a list of texts";
    MUST_BE_OBJECT = "“{part}” must be an object";
    MUST_BE_LIST = "“{part}” must be a list";
    MUST_BE_TEXT = "“{part}” must be a text";
    MUST_BE_RANGE = "“{part}” needs start and end as dates";
    MUST_BE_ORDER = "“{part}” must be asc or desc";
    UNKNOWN_SHAPE = "The shape {part} is not known";
    // Other records.
    QUESTION_TYPE = "The question is of type {choice}";
    NOT_HERE = "no {kind} with this id is on this computer. Choose one from the list";
    TAKEN = "Another {kind} has the same {fields}. Open that one, or choose another value";
}
