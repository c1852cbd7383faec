//! The view's contract and the contract of searches, each case against the shared server.

use crate::prefix::open;
use store::contract::Searched;
use store_elasticsearch::Elasticsearch;

struct Only(Elasticsearch);

impl Only {
    fn searched(&self) -> Searched<'_> {
        Searched {
            record: None,
            view: &self.0,
        }
    }
}

store::view_contract!(open());
store::search_contract!(Only(open()));
