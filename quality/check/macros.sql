-- Purpose: check digits of Chinese identity codes as DuckDB macros; equal to catalogs/checkdigits.py and python-stdnum (tests hold them together).
-- Grain:   one value. Every macro is true, false, or NULL for NULL; input is cleaned (capitals, half-width, no spaces).
-- Needs:   citizen_letter of quality/clean/codes.py.
-- Source:  standards.md §1.1 (GB/T 36904, ISO 7064 MOD 37,36), §2.1 (GB 11643), §2.2 (GB 32100, GB 11714).

CREATE OR REPLACE TEMP MACRO is_citizen_form(x) AS regexp_full_match(x, '[0-9]{17}[0-9X]');

-- 17 digits as a number; columns of their own in the scan, because a macro's argument is copied to each of its uses.
CREATE OR REPLACE TEMP MACRO citizen_number(x) AS try_cast(substr(x, 1, 17) AS BIGINT);

CREATE OR REPLACE TEMP MACRO citizen_id_ok(x, formed, number) AS
    CASE WHEN formed THEN citizen_letter(number) = substr(x, 18, 1) ELSE formed END;

-- 0–30 for a character of GB 32100's alphabet (no I, O, S, V, Z), -1 for others.
CREATE OR REPLACE TEMP MACRO uscc_value(x, place) AS strpos('0123456789ABCDEFGHJKLMNPQRTUWXY', substr(x, place, 1)) - 1;

CREATE OR REPLACE TEMP MACRO uscc_sum(x) AS
    uscc_value(x, 1) + uscc_value(x, 2) * 3 + uscc_value(x, 3) * 9 + uscc_value(x, 4) * 27 + uscc_value(x, 5) * 19
    + uscc_value(x, 6) * 26 + uscc_value(x, 7) * 16 + uscc_value(x, 8) * 17 + uscc_value(x, 9) * 20 + uscc_value(x, 10) * 29
    + uscc_value(x, 11) * 25 + uscc_value(x, 12) * 13 + uscc_value(x, 13) * 8 + uscc_value(x, 14) * 24 + uscc_value(x, 15) * 10
    + uscc_value(x, 16) * 30 + uscc_value(x, 17) * 28;

-- (31 - sum mod 31) mod 31: a remainder of 0 is check character 0, not the 32nd letter.
CREATE OR REPLACE TEMP MACRO uscc_ok(x) AS
    CASE WHEN regexp_full_match(x, '[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}')
         THEN uscc_value(x, 18) = (31 - uscc_sum(x) % 31) % 31
         ELSE x IS NULL AND NULL END;

CREATE OR REPLACE TEMP MACRO base36(x, place) AS strpos('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ', substr(x, place, 1)) - 1;

CREATE OR REPLACE TEMP MACRO organization_sum(x, start) AS
    base36(x, start) * 3 + base36(x, start + 1) * 7 + base36(x, start + 2) * 9 + base36(x, start + 3) * 10
    + base36(x, start + 4) * 5 + base36(x, start + 5) * 8 + base36(x, start + 6) * 4 + base36(x, start + 7) * 2;

-- Remainder 0 stands for 11 and remainder 1 for 10: check characters 0 and X.
CREATE OR REPLACE TEMP MACRO organization_ok(x, start) AS
    CASE WHEN regexp_full_match(substr(x, start, 9), '[0-9A-Z]{8}[0-9X]')
         THEN substr(x, start + 8, 1) = substr('0X987654321', organization_sum(x, start) % 11 + 1, 1)
         ELSE x IS NULL AND NULL END;

CREATE OR REPLACE TEMP MACRO mod_37_36_step(product, value) AS
    2 * CASE (product + value) % 36 WHEN 0 THEN 36 ELSE (product + value) % 36 END % 37;

CREATE OR REPLACE TEMP MACRO mod_37_36_check(x) AS
    substr('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ', (37 - list_reduce(
        list_transform(string_split(x, ''), lambda one: strpos('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ', one) - 1),
        lambda product, value: mod_37_36_step(product, value), 36)::INT) % 36 + 1, 1);

CREATE OR REPLACE TEMP MACRO license_identifier_ok(x) AS
    CASE WHEN regexp_full_match(x, '1[.]2[.]156[.]3005[.]2[.][0-9A-Z]{21}[.][0-9A-Z]+[.][0-9A-Z]+[.][0-9]{3}[.][0-9A-Z]')
         THEN mod_37_36_check(replace(substr(x, 16, strlen(x) - 17), '.', '')) = right(x, 1)
         ELSE x IS NULL AND NULL END;
