//! What is written on the day of a bad deploy, by a seed: for each account its credits in order, and
//! which of them were accepted by the wrong definitions. Pure.

use rand::{Rng, SeedableRng, rngs::StdRng, seq::SliceRandom};
use serde_json::{Value, json};
use std::{env, str::FromStr};

/// The operation whose definition is deployed wrong.
pub const CREDIT: &str = "account.credit";

/// One credit of an account.
#[derive(Clone, Copy, Debug)]
pub struct Credit {
    pub cents: u64,
    /// Accepted by the wrong definitions: it dies when it is planned.
    pub wrong: bool,
}

/// An account, and its credits in the order in which they are accepted.
#[derive(Debug)]
pub struct Account {
    pub id: String,
    pub credits: Vec<Credit>,
}

/// All that is written.
#[derive(Debug)]
pub struct Plan {
    pub accounts: Vec<Account>,
    /// Dead letters a second, as the operator asks for.
    pub rate: u64,
    /// Dead letters of the operation within a minute at which a worker makes a partition wait.
    pub flood_limit: u64,
}

fn setting<T: FromStr>(name: &str, usual: T) -> T {
    let text = env::var(format!("CONSIGN_TEST_BAD_DEPLOY{name}")).ok();
    text.and_then(|text| text.parse().ok()).unwrap_or(usual)
}

impl Plan {
    /// `CONSIGN_TEST_BAD_DEPLOY=10000` for the whole day: so many dead letters, over three accounts
    /// for ten of them, and twice as many right credits behind them. `…_SEED` for another one,
    /// `…_RATE` for another rate.
    pub fn of_settings() -> Self {
        let dead: usize = setting("", 300);
        let mut random = StdRng::seed_from_u64(setting("_SEED", 7));
        let keys = dead * 3 / 10;
        let mut later: Vec<Vec<bool>> = vec![Vec::new(); keys];
        // Every sixth account has its dead letter alone, so that what was foreseen is its end.
        let crowded: Vec<usize> = (0..keys).filter(|n| n % 6 != 0).collect();
        for is_wrong in (keys..dead)
            .map(|_| true)
            .chain((0..dead * 2).map(|_| false))
        {
            later[crowded[random.random_range(0..crowded.len())]].push(is_wrong);
        }
        let account = |(n, mut later): (usize, Vec<bool>)| {
            later.shuffle(&mut random);
            let credits = std::iter::once(true).chain(later).map(|wrong| Credit {
                cents: random.random_range(1..10_000),
                wrong,
            });
            Account {
                id: format!("a{n}"),
                credits: credits.collect(),
            }
        };
        Self {
            accounts: later.into_iter().enumerate().map(account).collect(),
            rate: setting("_RATE", 60),
            flood_limit: (dead as u64 / 20).max(5),
        }
    }

    /// Credits that die, all of them.
    pub fn wrong(&self) -> u64 {
        let credits = self.accounts.iter().flat_map(|account| &account.credits);
        credits.filter(|credit| credit.wrong).count() as u64
    }

    pub fn credits(&self) -> u64 {
        let counts = self.accounts.iter().map(|account| account.credits.len());
        counts.sum::<usize>() as u64
    }

    /// What a subscriber hears of: each account's opening and credits.
    pub fn changes(&self) -> u64 {
        self.accounts.len() as u64 + self.credits()
    }

    /// The lines of one bulk: the credits of this place in their accounts' order, wrong or right.
    pub fn lines(&self, place: usize, wrong: bool) -> Vec<(&Account, Value)> {
        let of = |account: &&Account| account.credits.get(place).is_some_and(|c| c.wrong == wrong);
        let line = |account| (account, request(account, place));
        self.accounts.iter().filter(of).map(line).collect()
    }

    pub fn longest(&self) -> usize {
        let counts = self.accounts.iter().map(|account| account.credits.len());
        counts.max().unwrap_or(0)
    }
}

impl Account {
    /// The balance after each credit.
    pub fn balances(&self) -> Vec<u64> {
        let credits = self.credits.iter();
        credits
            .scan(0, |sum, credit| {
                *sum += credit.cents;
                Some(*sum)
            })
            .collect()
    }

    /// As subscribers hear of it: opened, and each credit.
    pub fn heard_balances(&self) -> Vec<u64> {
        std::iter::once(0).chain(self.balances()).collect()
    }

    /// As it is in the end: credits in their order, each once.
    pub fn document(&self) -> Value {
        let places: Vec<usize> = (0..self.credits.len()).collect();
        json!({"n": self.balances().last(), "credits": places})
    }

    /// The row of its balance in the end.
    pub fn row(&self) -> Value {
        let last = self.credits.len() - 1;
        json!({"id": self.id, "cents": self.balances().last(), "last": last})
    }
}

fn request(account: &Account, place: usize) -> Value {
    let credit = account.credits[place];
    if credit.wrong {
        let amount = json!({"cents": credit.cents, "currency": "EUR"});
        json!({"id": account.id, "seq": place, "amount": amount})
    } else {
        json!({"id": account.id, "seq": place, "cents": credit.cents})
    }
}

/// Mends what the wrong definitions accepted.
pub const PATCH: &str = r#"[{"op": "move", "from": "/amount/cents", "path": "/cents"},
 {"op": "remove", "path": "/amount"}]"#;

/// The definitions as they should be.
pub fn right_definitions() -> String {
    definitions("cents", "cents: {type: integer, minimum: 1}")
}

/// As they were deployed: the member has another name and any form, and is added all the same.
pub fn wrong_definitions() -> String {
    definitions("amount", "amount: {}")
}

fn definitions(member: &str, schema: &str) -> String {
    format!(
        "
tables:
  - name: account_balance
    owner: account
    partition_key: [id]
    columns: {{id: text, cents: bigint, last: int}}

collections:
  - {{index: bank, collection: accounts, owner: account, mappings: {{dynamic: false, properties: {{n: {{type: long}}}}}}}}

operations:
  - name: account.open
    summary: Opens an account.
    request:
      type: object
      required: [id]
      additionalProperties: false
      properties: {{id: {{type: string, format: document-id}}}}
    key: &key {{of: account, id: $request/id}}
    write:
      - document: &account {{index: bank, collection: accounts, id: $request/id}}
        expect: absent
        put: {{n: 0, credits: []}}
      - row: {{table: account_balance, key: {{id: $request/id}}}}
        put: {{cents: 0}}
    examples: [{{title: An account, request: {{id: a}}}}]

  - name: account.credit
    summary: Credits an account.
    request:
      type: object
      required: [id, seq, {member}]
      additionalProperties: false
      properties: {{id: {{type: string, format: document-id}}, seq: {{type: integer}}, {schema}}}
    key: *key
    write:
      - document: *account
        expect: present
        merge: {{n: {{add: [$before/n, $request/{member}]}}, credits: {{append: [$before/credits, [$request/seq]]}}}}
      - row: {{table: account_balance, key: {{id: $request/id}}}}
        merge: {{cents: {{add: [$before/cents, $request/{member}]}}, last: $request/seq}}
    examples:
      - title: A credit
        request: {{id: a, seq: 1, {member}: 5}}
        documents: {{bank/accounts: {{a: {{n: 1, credits: [0]}}}}}}
        rows: {{account_balance: [{{id: a, cents: 1, last: 0}}]}}
"
    )
}
