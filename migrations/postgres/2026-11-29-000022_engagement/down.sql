DROP TABLE comment_likes;
DROP TABLE comments;
DROP TABLE favorites;
DROP TABLE movie_ratings;
DROP TABLE movie_reactions;
UPDATE movies SET likes = 0, dislikes = 0, rating_sum = 0, rating_count = 0, comments_count = 0;
