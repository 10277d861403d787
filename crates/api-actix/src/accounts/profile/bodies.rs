//! The changes to a profile in a request, as JSON.

use domain::accounts::{DateOfBirth, Gender, InvalidDateOfBirth, PersonName, ProfileChanges, ProfileInfo};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::{
    accounts::users::bodies::GenderBody,
    extract::{Changed, Fault, Faults, Input, Text},
    moment::Day,
    problem::FieldCode,
    rules::Rules,
};

/// Changes to a profile. Omitted fields keep their values; `null` clears a field.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(rename = "ProfileChanges", example = json!({"first_name": "Ann", "date_of_birth": "1984-02-29", "info": null}))]
pub(crate) struct ProfileChangesBody {
    /// The given name.
    first_name: Changed<Text<PersonName>>,
    /// The family name.
    last_name: Changed<Text<PersonName>>,
    gender: Changed<GenderBody>,
    /// The date of birth, at least 13 years ago.
    date_of_birth: Changed<Day>,
    /// Free text; line breaks are kept.
    info: Changed<Text<ProfileInfo>>,
}

impl Input for ProfileChangesBody {
    type Checked = ProfileChanges;

    fn check(self, rules: &Rules, faults: &mut Faults) -> Option<ProfileChanges> {
        let born = self.date_of_birth.try_map(|day| DateOfBirth::new(day.0, rules.today()));
        Some(ProfileChanges {
            first_name: self.first_name.map(|name| name.0),
            last_name: self.last_name.map(|name| name.0),
            gender: self.gender.map(Gender::from),
            date_of_birth: faults.keep("date_of_birth", born)?,
            info: self.info.map(|info| info.0),
        })
    }
}

impl From<InvalidDateOfBirth> for Fault {
    fn from(error: InvalidDateOfBirth) -> Self {
        Self::new(FieldCode::InvalidValue, error.to_string())
    }
}
