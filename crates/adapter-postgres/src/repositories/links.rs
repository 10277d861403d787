use async_trait::async_trait;
use diesel::{ExpressionMethods, QueryDsl};
use domain::{
    accounts::{LinkKind, LinkToken, LinkTokenRepository},
    entropy::TokenDigest,
    id::{TokenId, UserId},
    store::StoreError,
};

use crate::{
    dialect::{DbInstant, DbUuid},
    schema::{activation_tokens, password_reset_tokens},
    unit_of_work::UnitOfWork,
};

/// Evaluates `$body` with `$table` as the Diesel module of the table for this kind of link.
macro_rules! with_table {
    ($kind:expr, $table:ident, $body:expr) => {
        match $kind {
            LinkKind::Activation => {
                use activation_tokens as $table;
                $body
            }
            LinkKind::PasswordReset => {
                use password_reset_tokens as $table;
                $body
            }
        }
    };
}

fn link_token(
    kind: LinkKind,
    digest: &TokenDigest,
    (id, user_id, expires_at): (DbUuid, DbUuid, DbInstant),
) -> LinkToken {
    LinkToken {
        id: TokenId::from_uuid(id.0),
        user_id: UserId::from_uuid(user_id.0),
        kind,
        digest: digest.clone(),
        expires_at: expires_at.0,
    }
}

#[async_trait]
impl LinkTokenRepository for UnitOfWork {
    async fn put_link(&mut self, token: &LinkToken) -> Result<(), StoreError> {
        let id = DbUuid(token.id.as_uuid());
        let user_id = DbUuid(token.user_id.as_uuid());
        let digest = token.digest.as_str();
        let expires_at = DbInstant(token.expires_at);
        with_table!(token.kind, tokens, {
            let query = diesel::insert_into(tokens::table)
                .values((
                    tokens::id.eq(id),
                    tokens::user_id.eq(user_id),
                    tokens::token.eq(digest.to_owned()),
                    tokens::expires_at.eq(expires_at),
                ))
                .on_conflict(tokens::user_id)
                .do_update()
                .set((
                    tokens::id.eq(id),
                    tokens::token.eq(digest.to_owned()),
                    tokens::expires_at.eq(expires_at),
                ));
            self.execute_one(query).await
        })
    }

    async fn find_link(
        &mut self,
        kind: LinkKind,
        digest: &TokenDigest,
    ) -> Result<Option<LinkToken>, StoreError> {
        let found: Option<(DbUuid, DbUuid, DbInstant)> = with_table!(kind, tokens, {
            let query = tokens::table.filter(tokens::token.eq(digest.as_str().to_owned())).select((
                tokens::id,
                tokens::user_id,
                tokens::expires_at,
            ));
            self.first(query).await?
        });
        Ok(found.map(|row| link_token(kind, digest, row)))
    }

    async fn take_link(
        &mut self,
        kind: LinkKind,
        digest: &TokenDigest,
    ) -> Result<Option<LinkToken>, StoreError> {
        let found: Option<(DbUuid, DbUuid, DbInstant)> = with_table!(kind, tokens, {
            let query = diesel::delete(tokens::table.filter(tokens::token.eq(digest.as_str().to_owned())))
                .returning((tokens::id, tokens::user_id, tokens::expires_at));
            self.first(query).await?
        });
        Ok(found.map(|row| link_token(kind, digest, row)))
    }

    async fn remove_link(&mut self, kind: LinkKind, user_id: UserId) -> Result<(), StoreError> {
        let user_id = DbUuid(user_id.as_uuid());
        with_table!(kind, tokens, {
            self.execute(diesel::delete(tokens::table.filter(tokens::user_id.eq(user_id)))).await?;
        });
        Ok(())
    }
}
