//! What values of a type look like: its JSON Schema, compiled by [`compile`](super::compile) for
//! [`check`](super::check).

use std::{collections::HashMap, ops::RangeInclusive};

use super::values::TextRule;

/// What values of one type look like.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) is_nullable: bool,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    Text {
        length: RangeInclusive<usize>,
        rule: Option<TextRule>,
        /// Whether a fault is reported only beside others.
        is_deferred: bool,
    },
    /// One of these texts.
    Choice(Vec<String>),
    Integer(RangeInclusive<i128>),
    Number(RangeInclusive<f64>),
    Boolean,
    List {
        item: Box<Shape>,
        length: RangeInclusive<usize>,
    },
    /// Some of these texts, separated by commas.
    Sort(Vec<String>),
    Object(Members),
}

/// The members of an object.
#[derive(Debug, Default)]
pub(super) struct Members {
    in_order: Vec<Member>,
    by_name: HashMap<String, usize>,
}

#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) is_required: bool,
    pub(super) shape: Shape,
}

impl Members {
    pub(super) fn new(in_order: Vec<Member>) -> Self {
        let by_name = in_order.iter().enumerate().map(|(index, member)| (member.name.clone(), index));
        Self { by_name: by_name.collect(), in_order }
    }

    pub(super) fn in_order(&self) -> &[Member] {
        &self.in_order
    }

    /// The place of a member among the others.
    pub(super) fn place_of(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }
}

impl Kind {
    pub(super) const fn is_text(&self) -> bool {
        matches!(self, Self::Text { .. } | Self::Choice(_) | Self::Sort(_))
    }

    /// The JSON type's name, for messages.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Text { .. } | Self::Choice(_) | Self::Sort(_) => "a string",
            Self::Integer(_) => "a whole number",
            Self::Number(_) => "a number",
            Self::Boolean => "a boolean",
            Self::List { .. } => "a list",
            Self::Object { .. } => "an object",
        }
    }
}
