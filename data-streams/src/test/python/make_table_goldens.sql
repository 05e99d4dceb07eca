-- Parquet files as another program writes them: DuckDB 1.4.1, run from src/test/resources/tables.
CREATE TABLE pictures AS SELECT i AS id, 'row ' || i AS caption,
    (SELECT content FROM read_blob('../images/rgb.png')) AS image, i / 10.0::DOUBLE AS score,
    CASE WHEN i % 2 = 0 THEN 'en' END AS lang, {width: 48, tags: ['a', 'b']} AS info FROM range(7) t(i);
COPY pictures TO 'bytes.parquet' (FORMAT parquet, ROW_GROUP_SIZE 2048, COMPRESSION zstd);
COPY (SELECT {bytes: image, path: id || '.png'} AS image, [caption, 'other ' || id] AS text, id % 2 AS label, score
      FROM pictures) TO 'struct.parquet' (FORMAT parquet, COMPRESSION snappy);
COPY (SELECT '../images/' || CASE id WHEN 3 THEN 'none' ELSE 'rgb' END || '.png' AS path, caption, score FROM pictures)
    TO 'paths.parquet' (FORMAT parquet, COMPRESSION gzip);
COPY (SELECT i AS id, 'c' || i AS caption, encode('image ' || i) AS image FROM range(5000) t(i))
    TO 'groups.parquet' (FORMAT parquet, ROW_GROUP_SIZE 2048, COMPRESSION zstd);
