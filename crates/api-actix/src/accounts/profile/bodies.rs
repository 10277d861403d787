use std::str::FromStr;

use domain::accounts::{DateOfBirth, Gender, InvalidProfileText, PersonName, ProfileChanges, ProfileInfo};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::json;

use crate::{
    extract::{
        Fields, FromBody,
        fields::ruled,
        json::Json,
        values::{Fault, json_day},
    },
    moment::Day,
    problem::FieldCode,
    state::Api,
    users::bodies::GenderBody,
};

/// What a person changes of their profile.
#[derive(Debug)]
pub(crate) struct ProfileChangesBody(pub(crate) ProfileChanges);

impl JsonSchema for ProfileChangesBody {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        ChangesSchema::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        ChangesSchema::json_schema(generator)
    }
}

/// What a person changes of their profile: what is not named stays, `null` clears.
#[derive(JsonSchema)]
#[schemars(rename = "ProfileChanges", deny_unknown_fields, example = json!({"first_name": "Ann", "date_of_birth": "1984-02-29", "info": null}))]
#[expect(dead_code, reason = "it is a schema and never a value")]
struct ChangesSchema {
    /// The given name.
    #[schemars(length(min = 1, max = 100))]
    first_name: Option<String>,
    /// The family name.
    #[schemars(length(min = 1, max = 100))]
    last_name: Option<String>,
    gender: Option<GenderBody>,
    /// In the past, at least 13 years ago.
    date_of_birth: Option<Day>,
    /// In as many lines as you like.
    #[schemars(length(min = 1, max = 2000))]
    info: Option<String>,
}

impl FromBody for ProfileChangesBody {
    fn read(fields: &mut Fields, api: &Api) -> Option<Self> {
        let first_name = fields.change("first_name", profile_text::<PersonName>());
        let last_name = fields.change("last_name", profile_text::<PersonName>());
        let gender = fields.change(
            "gender",
            ruled(
                |text: String| text.parse::<Gender>(),
                |unknown| Fault::new(FieldCode::InvalidValue, unknown.to_string()),
            ),
        );
        let date_of_birth = fields.change("date_of_birth", |value| date_of_birth(value, api));
        let info = fields.change("info", profile_text::<ProfileInfo>());
        Some(Self(ProfileChanges {
            first_name: first_name?,
            last_name: last_name?,
            gender: gender?,
            date_of_birth: date_of_birth?,
            info: info?,
        }))
    }
}

fn profile_text<T: FromStr<Err = InvalidProfileText>>() -> impl FnOnce(Json) -> Result<T, Fault> {
    ruled(
        |text: String| text.parse::<T>(),
        |error| {
            let code = match error {
                InvalidProfileText::Blank => FieldCode::TooShort,
                InvalidProfileText::TooLong(_) => FieldCode::TooLong,
                InvalidProfileText::ControlCharacter => FieldCode::InvalidFormat,
            };
            Fault::new(code, error.to_string())
        },
    )
}

fn date_of_birth(value: Json, api: &Api) -> Result<DateOfBirth, Fault> {
    let day = json_day(value)?;
    let checked = api.state.accounts.date_of_birth(day);
    checked.map_err(|error| Fault::new(FieldCode::InvalidValue, error.to_string()))
}
