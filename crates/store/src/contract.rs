//! What every driver must do, as functions a driver's own tests call with a fresh store. A driver that passes keeps the promises; a promise
//! that is not here is not kept.
