-- Returns the root of the Merkle tree (RFC 9162, 2.1.1) over hashes in hex. The RFC defines the tree
-- by splitting at the largest power of two. This function builds the same tree from the leaves up: it
-- joins pairs of neighbours, and takes a last node without a neighbour up to the next level as it is.
CREATE FUNCTION merkle_root(p_hashes text[]) RETURNS text LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    level bytea[];
BEGIN
    SELECT array_agg(sha256('\x00'::bytea || decode(leaf, 'hex')) ORDER BY place) INTO level
      FROM unnest(p_hashes) WITH ORDINALITY AS l (leaf, place);
    WHILE cardinality(level) > 1 LOOP
        SELECT array_agg(pair.node ORDER BY pair.place) INTO level
          FROM (SELECT (place - 1) / 2 AS place,
                       CASE count(*) WHEN 1 THEN string_agg(node, ''::bytea)
                            ELSE sha256('\x01'::bytea || string_agg(node, ''::bytea ORDER BY place))
                       END AS node
                  FROM unnest(level) WITH ORDINALITY AS n (node, place)
                 GROUP BY 1) pair;
    END LOOP;
    RETURN encode(coalesce(level[1], sha256('')), 'hex');
END $$;
