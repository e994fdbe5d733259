// The lists that are asked for, as paths: one condition (a segment, the highest fees first, three pages of each) and three
// (by name). Looks whether both sides answer alike, in some segments. Writes ours.one, ours.three, theirs.one, theirs.three.
// node lists.js OURS KEY THEIRS FOLDER
const { writeFileSync } = require('node:fs');
const { ask, where, listPath, finish } = require('./api.js');

const [ours, key, theirs, folder] = process.argv.slice(2);
const SEGMENTS = Array.from({ length: 20 }, (_, n) => `seg${String(n).padStart(2, '0')}`);
// The baseline takes its time, so only one segment in so many is compared.
const COMPARED = 7;

const paths = { 'ours.one': [], 'ours.three': [], 'theirs.one': [], 'theirs.three': [] };

// Keeps both paths; returns our page.
async function put(kind, path, other, [compares, field]) {
  paths[`ours.${kind}`].push(`${path}\t${key}`);
  paths[`theirs.${kind}`].push(other);
  const mine = await ask('GET', ours + path, key);
  if (!compares) return mine;
  const its = await ask('GET', theirs + other);
  const said = [mine.total, mine.items.map(row => row.values[field.startsWith('cf_') ? `fields.${field}` : field])];
  const should = [its.total, its.items.map(row => (field.startsWith('cf_') ? row.custom[field] : row[field]))];
  if (JSON.stringify(said) !== JSON.stringify(should)) throw new Error(`${other}: ${JSON.stringify(said)} instead of ${JSON.stringify(should)}`);
  return mine;
}

(async () => {
  for (const [at, segment] of SEGMENTS.entries()) {
    const compares = at % COMPARED === 0;
    const first = listPath(where('cf_segment', 'eq', segment), '-fields.cf_fee');
    let path = first;
    for (const offset of [0, 50, 100]) {
      const other = `/clients?cf_segment=${segment}&sort=-cf_fee&limit=50&offset=${offset}`;
      const page = await put('one', path, other, [compares, 'cf_fee']);
      path = `${first}&cursor=${page.next_cursor}`;
    }
    for (const language of ['nl', 'fr', 'de', 'en']) {
      for (const fee of [1000, 2000]) {
        const all = [where('cf_segment', 'eq', segment), where('cf_language', 'eq', language), where('cf_fee', 'gte', fee)];
        const other = `/clients?cf_segment=${segment}&cf_language=${language}&cf_fee__gte=${fee}&sort=name&limit=50&offset=0`;
        await put('three', listPath({ and: all }, 'name'), other, [compares, 'name']);
      }
    }
  }
  for (const [name, lines] of Object.entries(paths)) writeFileSync(`${folder}/${name}`, lines.join('\n') + '\n');
  finish();
})().catch(error => { console.error(error); process.exit(1); });
