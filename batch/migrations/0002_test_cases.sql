-- The test cases that evidence is collected for. The importer checks the lengths of the texts.
CREATE TABLE test_cases (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  case_id text NOT NULL UNIQUE CHECK (char_length(case_id) BETWEEN 1 AND 64),
  title text NOT NULL CHECK (title <> ''),
  description text NOT NULL DEFAULT '',
  preconditions text NOT NULL DEFAULT '',
  steps text NOT NULL DEFAULT '',
  expected_result text NOT NULL DEFAULT '',
  priority text NOT NULL DEFAULT 'medium' CHECK (priority IN ('high', 'medium', 'low')),
  category text NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL DEFAULT now(),
  created_by text NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now(),
  updated_by text NOT NULL
);

-- Null for the users who were there before it, and for those that the release before adds.
ALTER TABLE users ADD COLUMN created_by text;
