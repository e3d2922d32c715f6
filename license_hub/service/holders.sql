-- Purpose: is each holder of a row trusted in the bases its license type leans on?
-- Grain:   one line for each `ord` of `holders`, in order.
-- Reads:   holders(ord, number, name, code_type) · bases(base, code_type, published) · prefixes(base, prefix) · trusted(base, number, name)
-- Writes:  ord · reason (NULL = may be issued) · verified (every holder is trusted in a base)
-- Source:  issue 2 §5; standards.md §2.1, §2.2 (where a number carries its division)
WITH line AS (
    SELECT ord, number, bare(name) AS name, code_type,
           CASE code_type WHEN '001' THEN substr(number, 3, 6) WHEN '111' THEN substr(number, 1, 6) END AS division
    FROM holders
), covered AS (
    SELECT DISTINCT line.number, line.name, bases.base, bases.published
    FROM line
    JOIN bases ON bases.code_type = line.code_type
    JOIN prefixes ON prefixes.base = bases.base AND starts_with(line.division, prefixes.prefix)
), known AS (
    SELECT base, number, bare(name) AS name FROM trusted WHERE number IN (SELECT number FROM covered)
), judged AS (
    SELECT covered.number, covered.name,
           bool_or(known.number IS NOT NULL) AS is_known,
           bool_or(coalesce(known.name = covered.name, false)) AS same_name,
           bool_and(covered.published) AS published
    FROM covered
    LEFT JOIN known ON known.base = covered.base AND known.number = covered.number
    GROUP BY covered.number, covered.name
), found AS (
    SELECT line.ord,
           CASE WHEN judged.number IS NULL THEN 'OUTSIDE'
                WHEN judged.same_name THEN 'TRUSTED'
                WHEN judged.is_known THEN 'HOLDER_CONTRADICTED'
                WHEN judged.published THEN 'HOLDER_NOT_TRUSTED'
                ELSE 'HOLDER_BASE_UNPUBLISHED' END AS verdict
    FROM line
    LEFT JOIN judged ON judged.number = line.number AND judged.name = line.name
)
SELECT ord,
       CASE WHEN bool_or(verdict = 'HOLDER_CONTRADICTED') THEN 'HOLDER_CONTRADICTED'
            WHEN bool_or(verdict = 'HOLDER_NOT_TRUSTED') THEN 'HOLDER_NOT_TRUSTED'
            WHEN bool_or(verdict = 'HOLDER_BASE_UNPUBLISHED') THEN 'HOLDER_BASE_UNPUBLISHED' END AS reason,
       bool_and(verdict = 'TRUSTED') AS verified
FROM found
GROUP BY ord
ORDER BY ord
