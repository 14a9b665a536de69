//! Who a user is: address, name and role.

pub mod email;
pub mod user;
