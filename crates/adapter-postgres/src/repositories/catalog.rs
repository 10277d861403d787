use std::collections::{BTreeMap, HashMap, HashSet};

use async_trait::async_trait;
use diesel::{
    ExpressionMethods, QueryDsl,
    sql_types::{BigInt, Bool, Integer, Nullable, Text},
};
use domain::{
    catalog::{
        ExternalIds, Movie, MovieConflicts, MovieIdentity, MovieRepository, MovieUses, NameKind, Offer,
        OfferRepository, ProposedName,
    },
    id::{Id, Kind, MovieId, UserId},
    money::Money,
    store::StoreError,
    text::fold,
};
use uuid::Uuid;

use super::{
    CHUNK, LINKS_WITH_BITS, NewLink, NewName,
    names::names_table,
    stored::poster_address,
    stored_movie::{StoredRow, stored_movies},
};
use crate::{
    dialect::{
        DbInstant, DbUuid, KEPT_MOVIES, LOCKED_MOVIES, SqlId, insert_links, insert_movies, insert_names,
        push_any, push_any_integer, push_any_text, push_identities,
    },
    filter_bits::bits_of,
    schema::{cart_items, carts, movie_directors, movie_genres, movie_stars, movies, purchases},
    statement::Statement,
    unit_of_work::UnitOfWork,
};

/// Joins the movies `m` whose identity (name, year and duration) equals a row of `wanted`.
const WANTED_MOVIES: &str = " JOIN movies m ON m.name = wanted.name AND m.year = wanted.year \
    AND m.duration_minutes = wanted.duration_minutes";

#[async_trait]
impl MovieRepository for UnitOfWork {
    async fn resolve_names(
        &mut self,
        kind: NameKind,
        names: &[ProposedName],
    ) -> Result<Vec<Uuid>, StoreError> {
        let keys: Vec<String> = names.iter().map(|proposed| fold(&proposed.name)).collect();
        // Sorted by key, so that concurrent units of work insert the same names in the same order and cannot deadlock.
        let mut missing: BTreeMap<&str, &ProposedName> = BTreeMap::new();
        for (key, proposed) in keys.iter().zip(names) {
            missing.entry(key).or_insert(proposed);
        }
        let mut known = self.find_names(kind, missing.keys().copied()).await?;
        missing.retain(|key, _| !known.contains_key(*key));
        if !missing.is_empty() {
            self.add_names(kind, &missing).await?;
            known.extend(self.find_names(kind, missing.keys().copied()).await?);
        }
        keys.iter()
            .map(|key| {
                known
                    .get(key)
                    .copied()
                    .ok_or_else(|| StoreError::conflict("a name was deleted at the same time"))
            })
            .collect()
    }

    async fn find_movies_for_update(
        &mut self,
        identities: &[MovieIdentity],
    ) -> Result<Vec<Movie>, StoreError> {
        let mut found = Vec::with_capacity(identities.len());
        for chunk in identities.chunks(CHUNK) {
            if !self.lock_movies(chunk).await? {
                continue;
            }
            let mut statement = stored_movies();
            push_identities(&mut statement, chunk);
            statement.sql(WANTED_MOVIES);
            for row in self.load::<StoredRow, _>(statement).await? {
                found.push(Movie::try_from(row)?);
            }
        }
        Ok(found)
    }

    async fn insert_movies(&mut self, movies: &[Movie]) -> Result<Vec<MovieId>, StoreError> {
        let mut inserted = Vec::with_capacity(movies.len());
        for chunk in movies.chunks(CHUNK) {
            let added: HashSet<Uuid> = insert_movies(self, chunk).await?.into_iter().collect();
            let added: Vec<&Movie> =
                chunk.iter().filter(|movie| added.contains(&movie.id.as_uuid())).collect();
            self.link_all(&added).await?;
            self.index_stored_movies(&added).await?;
            inserted.extend(added.iter().map(|movie| movie.id));
        }
        if !inserted.is_empty() {
            self.note_catalog_change();
        }
        Ok(inserted)
    }

    async fn find_movie_for_update(&mut self, id: MovieId) -> Result<Option<Movie>, StoreError> {
        if let Some(locked) = LOCKED_MOVIES {
            let mut statement = Statement::<(SqlId,)>::new("SELECT m.id FROM movies m WHERE m.id = ");
            statement.bind(id.as_uuid()).sql(locked);
            if self.first::<(DbUuid,), _>(statement).await?.is_none() {
                return Ok(None);
            }
        }
        let mut statement = stored_movies();
        statement.sql("movies m WHERE m.id = ").bind(id.as_uuid());
        self.first::<StoredRow, _>(statement).await?.map(Movie::try_from).transpose()
    }

    async fn find_movie_conflicts(&mut self, movie: &Movie) -> Result<MovieConflicts, StoreError> {
        let others = movies::table.filter(movies::id.ne(DbUuid(movie.id.as_uuid())));
        let identity = others
            .filter(movies::name.eq(movie.identity.name.clone()))
            .filter(movies::year.eq(movie.identity.year))
            .filter(movies::duration_minutes.eq(movie.identity.duration_minutes))
            .select(movies::id);
        let identity = self.first::<DbUuid, _>(identity).await?.is_some();
        let imdb_ids: Vec<String> = movie.imdb_id.iter().cloned().collect();
        let tmdb_ids: Vec<i64> = movie.tmdb_id.into_iter().collect();
        let found = self.external_ids(&imdb_ids, &tmdb_ids).await?;
        let external_id = found.into_iter().any(|(id, _)| id != movie.id);
        Ok(MovieConflicts { identity, external_id })
    }

    async fn find_external_ids(
        &mut self,
        imdb_ids: &[String],
        tmdb_ids: &[i64],
    ) -> Result<Vec<ExternalIds>, StoreError> {
        let found = self.external_ids(imdb_ids, tmdb_ids).await?;
        Ok(found.into_iter().map(|(_, ids)| ids).collect())
    }

    async fn find_movie_uses(&mut self, id: MovieId) -> Result<MovieUses, StoreError> {
        let id = DbUuid(id.as_uuid());
        let purchase = purchases::table.filter(purchases::movie_id.eq(id)).select(purchases::id).limit(1);
        let is_purchased = self.first::<DbUuid, _>(purchase).await?.is_some();
        let mut order = Statement::<(Integer,)>::new("SELECT 1 FROM order_items WHERE movie_id = ");
        order.bind(id.0).sql(" LIMIT 1");
        let is_ordered = self.first::<(i32,), _>(order).await?.is_some();
        let owners = carts::table
            .inner_join(cart_items::table)
            .filter(cart_items::movie_id.eq(id))
            .select(carts::user_id)
            .order(carts::user_id);
        let owners: Vec<DbUuid> = self.load(owners).await?;
        let cart_owners = owners.into_iter().map(|id| UserId::from_uuid(id.0)).collect();
        Ok(MovieUses { is_purchased, is_ordered, cart_owners })
    }

    async fn remove_movie_from_carts(&mut self, id: MovieId) -> Result<Vec<UserId>, StoreError> {
        let mut statement = Statement::<(SqlId,)>::new("DELETE FROM cart_items WHERE movie_id = ");
        statement.bind(id.as_uuid()).sql(" RETURNING cart_id");
        let removed: Vec<(DbUuid,)> = self.load(statement).await?;
        let mut statement = Statement::<(SqlId,)>::new("SELECT user_id FROM carts WHERE ");
        push_any(&mut statement, "id", removed.into_iter().map(|(id,)| id.0).collect());
        statement.sql(" ORDER BY user_id");
        let owners: Vec<(DbUuid,)> = self.load(statement).await?;
        Ok(owners.into_iter().map(|(id,)| UserId::from_uuid(id.0)).collect())
    }

    async fn delete_movie(&mut self, id: MovieId) -> Result<(), StoreError> {
        self.advance_inboxes_of_movie(id).await?;
        self.execute_one(diesel::delete(movies::table.filter(movies::id.eq(DbUuid(id.as_uuid()))))).await?;
        self.note_catalog_change();
        Ok(())
    }

    async fn names_of(&mut self, kind: NameKind, ids: &[Uuid]) -> Result<Vec<String>, StoreError> {
        let mut statement = Statement::<(SqlId, Text)>::new("SELECT id, name FROM ");
        statement.sql(names_table(kind)).sql(" WHERE ");
        push_any(&mut statement, "id", ids.to_vec());
        let rows: Vec<(DbUuid, String)> = self.load(statement).await?;
        let names: HashMap<Uuid, String> = rows.into_iter().map(|(id, name)| (id.0, name)).collect();
        Ok(ids.iter().filter_map(|id| names.get(id).cloned()).collect())
    }

    async fn update_movie(&mut self, movie: &Movie) -> Result<(), StoreError> {
        let uploaded = movie.uploaded_poster();
        let poster_width =
            uploaded.map(|poster| i32::try_from(poster.width)).transpose().map_err(StoreError::failed)?;
        // Popularity is the sum of the votes and of points for the actions of users. Here only the votes change.
        let mut statement = Statement::<()>::new("UPDATE movies SET popularity = popularity + (");
        statement
            .bind(movie.votes)
            .sql(" - votes) WHERE id = ")
            .bind(movie.id.as_uuid())
            .sql(" AND votes <> ")
            .bind(movie.votes);
        self.execute(statement).await?;
        let id = DbUuid(movie.id.as_uuid());
        let query = diesel::update(movies::table.filter(movies::id.eq(id))).set((
            (
                movies::name.eq(movie.identity.name.clone()),
                movies::name_key.eq(fold(&movie.identity.name)),
                movies::year.eq(movie.identity.year),
                movies::duration_minutes.eq(movie.identity.duration_minutes),
                movies::imdb.eq(movie.imdb),
                movies::votes.eq(movie.votes),
                movies::meta_score.eq(movie.meta_score),
                movies::gross.eq(movie.gross),
                movies::description.eq(movie.description.clone()),
            ),
            (
                movies::price_minor.eq(movie.price.minor()),
                movies::price_currency.eq(movie.price.currency().code().to_owned()),
                movies::certification_id.eq(DbUuid(movie.certification_id.as_uuid())),
                movies::poster_url.eq(poster_address(movie)),
                movies::poster_id.eq(uploaded.map(|poster| DbUuid(poster.id.as_uuid()))),
                movies::poster_width.eq(poster_width),
                movies::sort_name.eq(movie.sort_name.clone()),
                movies::sort_key.eq(movie.sort_key()),
                movies::imdb_id.eq(movie.imdb_id.clone()),
                movies::tmdb_id.eq(movie.tmdb_id),
                movies::trailer_url.eq(movie.trailer_url.clone()),
                movies::is_available.eq(movie.is_available),
                movies::filter_bits.eq(bits_of(movie)),
                movies::version.eq(movie.version),
                movies::updated_at.eq(DbInstant(movie.updated_at)),
            ),
        ));
        self.execute_one(query).await?;
        self.execute(diesel::delete(movie_genres::table.filter(movie_genres::movie_id.eq(id)))).await?;
        self.execute(diesel::delete(movie_directors::table.filter(movie_directors::movie_id.eq(id)))).await?;
        self.execute(diesel::delete(movie_stars::table.filter(movie_stars::movie_id.eq(id)))).await?;
        self.link_all(&[movie]).await?;
        self.index_stored_movies(&[movie]).await?;
        self.note_catalog_change();
        Ok(())
    }
}

#[async_trait]
impl OfferRepository for UnitOfWork {
    async fn find_offer(&mut self, id: MovieId) -> Result<Option<Offer>, StoreError> {
        let query = movies::table.filter(movies::id.eq(DbUuid(id.as_uuid()))).select((
            movies::price_minor,
            movies::price_currency,
            movies::is_available,
        ));
        let found: Option<(i64, String, bool)> = self.first(query).await?;
        let Some((minor, currency, is_available)) = found else { return Ok(None) };
        let price = Money::from_minor(minor, currency.parse().map_err(StoreError::failed)?);
        Ok(Some(Offer { price, is_available }))
    }

    async fn find_offers(&mut self, ids: &[MovieId]) -> Result<Vec<(MovieId, Offer)>, StoreError> {
        let mut statement = Statement::<(SqlId, BigInt, Text, Bool)>::new(
            "SELECT m.id, m.price_minor, m.price_currency, m.is_available FROM movies m WHERE ",
        );
        push_any(&mut statement, "m.id", ids.iter().map(Id::as_uuid).collect());
        statement.sql(" ORDER BY m.id").sql(KEPT_MOVIES);
        let rows: Vec<(DbUuid, i64, String, bool)> = self.load(statement).await?;
        let offer = |(id, minor, currency, is_available): (DbUuid, i64, String, bool)| {
            let price = Money::from_minor(minor, currency.parse().map_err(StoreError::failed)?);
            Ok((MovieId::from_uuid(id.0), Offer { price, is_available }))
        };
        rows.into_iter().map(offer).collect()
    }
}

impl UnitOfWork {
    /// Locks the movies with these identities, in the order of their identifiers; returns `false` if there are
    /// none. On SQLite, does nothing and returns `true`. The caller must read the movies with a later statement:
    /// only a statement that starts after the locks were granted sees what the previous holders of the locks have
    /// changed in other tables.
    async fn lock_movies(&mut self, identities: &[MovieIdentity]) -> Result<bool, StoreError> {
        let Some(locked) = LOCKED_MOVIES else { return Ok(true) };
        let mut statement = Statement::<(SqlId,)>::new("SELECT m.id FROM ");
        push_identities(&mut statement, identities);
        statement.sql(WANTED_MOVIES).sql(" ORDER BY m.id").sql(locked);
        let found: Vec<(DbUuid,)> = self.load(statement).await?;
        Ok(!found.is_empty())
    }

    async fn external_ids(
        &mut self,
        imdb_ids: &[String],
        tmdb_ids: &[i64],
    ) -> Result<Vec<(MovieId, ExternalIds)>, StoreError> {
        if imdb_ids.is_empty() && tmdb_ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut statement = Statement::<ExternalTypes>::new(
            "SELECT m.id, m.name, m.year, m.duration_minutes, m.imdb_id, m.tmdb_id FROM movies m WHERE ",
        );
        push_any_text(&mut statement, "m.imdb_id", imdb_ids);
        statement.sql(" OR ");
        push_any_integer(&mut statement, "m.tmdb_id", tmdb_ids);
        let rows: Vec<ExternalRow> = self.load(statement).await?;
        let read = |(id, name, year, duration_minutes, imdb_id, tmdb_id): ExternalRow| {
            let movie = MovieIdentity { name, year, duration_minutes };
            (MovieId::from_uuid(id.0), ExternalIds { movie, imdb_id, tmdb_id })
        };
        Ok(rows.into_iter().map(read).collect())
    }

    async fn find_names(
        &mut self,
        kind: NameKind,
        keys: impl Iterator<Item = &str> + Send,
    ) -> Result<HashMap<String, Uuid>, StoreError> {
        let mut statement = Statement::<(SqlId, Text)>::new("SELECT id, name_key FROM ");
        statement.sql(names_table(kind)).sql(" WHERE ");
        let keys: Vec<String> = keys.map(str::to_owned).collect();
        push_any_text(&mut statement, "name_key", &keys);
        let rows: Vec<(DbUuid, String)> = self.load(statement).await?;
        Ok(rows.into_iter().map(|(id, key)| (key, id.0)).collect())
    }

    async fn add_names(
        &mut self,
        kind: NameKind,
        names: &BTreeMap<&str, &ProposedName>,
    ) -> Result<(), StoreError> {
        let rows: Vec<NewName> = names
            .iter()
            .map(|(key, proposed)| NewName {
                id: proposed.id,
                name: proposed.name.clone(),
                key: (*key).to_owned(),
            })
            .collect();
        for chunk in rows.chunks(CHUNK) {
            insert_names(self, names_table(kind), chunk).await?;
        }
        // Lists of names also contain names without movies, so the cached lists are outdated.
        self.note_catalog_change();
        Ok(())
    }

    /// Adds the links of movies that have no links yet.
    async fn link_all(&mut self, movies: &[&Movie]) -> Result<(), StoreError> {
        let genres = links(movies, |movie| &movie.genre_ids);
        insert_links(self, LINKS_WITH_BITS, "genre_id", &genres).await?;
        let directors = links(movies, |movie| &movie.director_ids);
        insert_links(self, "movie_directors", "director_id", &directors).await?;
        let stars = links(movies, |movie| &movie.star_ids);
        insert_links(self, "movie_stars", "star_id", &stars).await
    }
}

/// The links of the movies; of several links of a movie to one name, only the first.
fn links<K: Kind>(movies: &[&Movie], ids: impl Fn(&Movie) -> &Vec<Id<K>>) -> Vec<NewLink> {
    let positioned = |movie: &&Movie| -> Vec<NewLink> {
        let (movie_id, filter_bits) = (movie.id.as_uuid(), bits_of(movie));
        let mut linked = HashSet::new();
        (0..)
            .zip(ids(movie))
            .filter(|(_, id)| linked.insert(id.as_uuid()))
            .map(|(position, id)| NewLink { movie_id, name_id: id.as_uuid(), position, filter_bits })
            .collect()
    };
    movies.iter().flat_map(positioned).collect()
}

type ExternalTypes = (SqlId, Text, Integer, Integer, Nullable<Text>, Nullable<BigInt>);
type ExternalRow = (DbUuid, String, i32, i32, Option<String>, Option<i64>);
