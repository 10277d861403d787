//! The `ORDER BY` of a list, and the condition for a page that begins after a position. Used by the lists of movies
//! and by all lists of the module `plain_list`.

use domain::{
    page::{Position, SortValue},
    store::StoreError,
    time::Instant,
};

use crate::{
    dialect::{Bind, index_hint},
    statement::Statement,
};

/// The type of the values of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyType {
    Text,
    Integer,
    Real,
    /// A point in time. A position contains it as microseconds since 1970.
    Instant,
}

struct Key {
    column: Statement,
    kind: KeyType,
    descending: bool,
    is_indexed_expression: bool,
}

/// The columns that a list is ordered by. Ties are broken by the identifier, in the direction of the last column.
pub(crate) struct Keyset {
    keys: Vec<Key>,
    id: &'static str,
    index: Option<&'static str>,
}

impl Keyset {
    /// Creates an order by this identifier alone.
    pub(crate) const fn ending_in(id: &'static str) -> Self {
        Self { keys: Vec::new(), id, index: None }
    }

    /// Adds a column, or an expression without an index, to the order.
    pub(crate) fn then_by(mut self, column: Statement, key_type: KeyType, descending: bool) -> Self {
        self.keys.push(Key { column, kind: key_type, descending, is_indexed_expression: false });
        self
    }

    /// Adds an expression with an index to the order.
    pub(crate) fn then_by_expression(
        mut self,
        column: Statement,
        key_type: KeyType,
        descending: bool,
    ) -> Self {
        self.keys.push(Key { column, kind: key_type, descending, is_indexed_expression: true });
        self
    }

    /// Sets the index that has this order, or at least the order of the first column.
    pub(crate) const fn indexed_by(mut self, index: &'static str) -> Self {
        self.index = Some(index);
        self
    }

    /// The index hint to append to the table name, for a list that is ordered by several columns; empty for any other
    /// list, and on PostgreSQL. No index has all of these columns, so the hint names the index of the first column,
    /// and only rows with equal values in this column must be sorted.
    pub(crate) fn hint(&self) -> String {
        self.index.filter(|_| self.keys.len() > 1).map(index_hint).unwrap_or_default()
    }

    fn is_id_descending(&self) -> bool {
        self.keys.last().is_some_and(|key| key.descending)
    }

    /// Adds `ORDER BY …`.
    pub(crate) fn push<ST>(&self, statement: &mut Statement<ST>) {
        statement.sql(" ORDER BY ");
        for key in &self.keys {
            statement.append(&key.column).sql(if key.descending { " DESC, " } else { ", " });
        }
        statement.sql(self.id).sql(if self.is_id_descending() { " DESC" } else { "" });
    }

    /// Adds `, … AS k0` for the first column, `, … AS k1` for the second, and so on; [`named`](Self::named) uses
    /// these names.
    pub(crate) fn push_columns<ST>(&self, statement: &mut Statement<ST>) {
        for (number, key) in self.keys.iter().enumerate() {
            statement.sql(", ").append(&key.column).sql(format!(" AS k{number}"));
        }
    }

    /// Adds `, k0` for the first column, `, k1` for the second, and so on, as named by
    /// [`push_columns`](Self::push_columns).
    pub(crate) fn push_names<ST>(&self, statement: &mut Statement<ST>) {
        for number in 0..self.keys.len() {
            statement.sql(format!(", k{number}"));
        }
    }

    /// The same order for a subquery `table` that selects the columns of [`push_columns`](Self::push_columns) and the
    /// identifier `id`.
    pub(crate) fn named(&self, table: &'static str, id: &'static str) -> Self {
        let named = |(number, key): (usize, &Key)| Key {
            column: Statement::new(format!("{table}.k{number}")),
            is_indexed_expression: false,
            ..*key
        };
        Self { keys: self.keys.iter().enumerate().map(named).collect(), id, index: None }
    }

    /// Adds the condition that rows come after the position. Fails if the position belongs to a list with another
    /// order.
    ///
    /// If all columns have the same direction, the condition is one row comparison, so that the database reads the
    /// index from this position on; if the first column is an expression with an index, a bound for it comes before the
    /// comparison. Otherwise the condition is a combination of comparisons, preceded by a bound for the first column,
    /// so that the index of this column is used.
    pub(crate) fn push_behind<ST>(
        &self,
        statement: &mut Statement<ST>,
        position: &Position,
    ) -> Result<(), StoreError> {
        if position.values.len() != self.keys.len() {
            return Err(StoreError::failed("the position belongs to a list with another order"));
        }
        let keys: Vec<_> = self.keys.iter().zip(&position.values).collect();
        let is_id_descending = self.is_id_descending();
        let is_one_way = self.keys.iter().all(|key| key.descending == is_id_descending);
        // SQLite uses the index of an expression only with a bound for this expression alone.
        if let Some((key, value)) = keys.first().filter(|(key, _)| !is_one_way || key.is_indexed_expression) {
            statement.append(&key.column).sql(if key.descending { " <= " } else { " >= " });
            push_value(statement, key.kind, value)?;
            statement.sql(" AND ");
        }
        if is_one_way {
            statement.sql("(");
            for (key, _) in &keys {
                statement.append(&key.column).sql(", ");
            }
            statement.sql(self.id).sql(") ").sql(comparison_after(is_id_descending)).sql(" (");
            for (key, value) in &keys {
                push_value(statement, key.kind, value)?;
                statement.sql(", ");
            }
            statement.bind(position.id).sql(")");
            return Ok(());
        }
        for (key, value) in &keys {
            statement.sql("(").append(&key.column).sql(" ").sql(comparison_after(key.descending)).sql(" ");
            push_value(statement, key.kind, value)?;
            statement.sql(" OR (").append(&key.column).sql(" = ");
            push_value(statement, key.kind, value)?;
            statement.sql(" AND ");
        }
        statement.sql(self.id).sql(" ").sql(comparison_after(is_id_descending)).sql(" ").bind(position.id);
        statement.sql("))".repeat(keys.len()));
        Ok(())
    }
}

const fn comparison_after(descending: bool) -> &'static str {
    if descending { "<" } else { ">" }
}

fn push_value<ST>(
    statement: &mut Statement<ST>,
    key_type: KeyType,
    value: &SortValue,
) -> Result<(), StoreError> {
    statement.bind(bound(key_type, value)?);
    Ok(())
}

/// Converts a value of a position into a parameter of a statement.
pub(crate) fn bound(key_type: KeyType, value: &SortValue) -> Result<Bind, StoreError> {
    match (key_type, value) {
        (KeyType::Instant, SortValue::Integer(micros)) => Instant::from_timestamp_micros(*micros)
            .map(Bind::from)
            .ok_or_else(|| StoreError::failed("the position contains an invalid time")),
        (KeyType::Text, SortValue::Text(text)) => Ok(Bind::from(text.clone())),
        (KeyType::Real, SortValue::Real(number)) => Ok(Bind::from(*number)),
        (KeyType::Integer, SortValue::Integer(number)) => Ok(Bind::from(*number)),
        _ => Err(StoreError::failed("the position belongs to a list with another order")),
    }
}
