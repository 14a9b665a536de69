//! The schemas of values that several answers contain.

use serde_json::json;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::domain::audit::AuditEvent;
use crate::domain::id::{SessionId, UserId};

impl PartialSchema for UserId {
    fn schema() -> RefOr<Schema> {
        let format = SchemaFormat::KnownFormat(KnownFormat::Uuid);
        text()
            .format(Some(format))
            .description(Some("A UUIDv7 in lower case."))
            .into()
    }
}

impl ToSchema for UserId {}

impl PartialSchema for SessionId {
    fn schema() -> RefOr<Schema> {
        text()
            .pattern(Some("^[A-Za-z0-9_-]{21}[AQgw]$"))
            .description(Some("128 random bits in base64url."))
            .into()
    }
}

impl ToSchema for SessionId {}

impl PartialSchema for AuditEvent {
    fn schema() -> RefOr<Schema> {
        text()
            .enum_values(Some(Self::ALL.map(|event| json!(event.as_str()))))
            .into()
    }
}

impl ToSchema for AuditEvent {}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}
