//! Every case of the stores' contract, each on a file of its own.

use crate::opened::open;

store::record_contract!(open().await);
store::search_contract!(open().await);
