// The same clients twice, with custom fields: fields.jsonl, a client a line, and fields.json, as requests of 500 each.
// node make_fields.js FOLDER COUNT
const { createWriteStream } = require('node:fs');

const [folder, count] = [process.argv[2], Number(process.argv[3])];
const TRADES = ['Bakkerij', 'Garage', 'Studio', 'Immo', 'Taverne', 'Bouw', 'Advies'];
const TOWNS = ['Gent', 'Antwerpen', 'Brussel', 'Luik', 'Namur', 'Brugge', 'Leuven', 'Hasselt', 'Mons', 'Aalst'];
const LANGUAGES = ['nl', 'fr', 'de', 'en'];

// A small generator with a fixed beginning, so that every run has the same clients.
let state = 7;
function pick(limit) {
  state = (Math.imul(state, 1103515245) + 12345) >>> 0;
  return Math.floor((state / 4294967296) * limit);
}
const one = list => list[pick(list.length)];
const digits = (number, length) => String(number).padStart(length, '0');

function client(i) {
  const card = {
    name: `${one(TRADES)} ${String.fromCharCode(65 + pick(26))}${digits(pick(1_000_000), 6)}`,
    vat_number: `BE0${digits(i, 9)}`, email: `client${i}@client.example`, city: one(TOWNS), phone: `+32${digits(pick(100_000_000), 8)}`, active: pick(10) > 0,
  };
  const custom = {
    // Five of a hundred clients in each segment.
    cf_segment: `seg${digits(pick(20), 2)}`, cf_manager: `manager${digits(pick(25), 2)}`, cf_fee: (5_000 + pick(495_000)) / 100, cf_employees: pick(250),
    cf_next_review: `2026-${digits(1 + pick(12), 2)}-${digits(1 + pick(28), 2)}`, cf_newsletter: pick(2) === 0, cf_language: one(LANGUAGES),
    cf_notes: `note ${pick(1_000_000_000)} for client ${i} about the yearly file`,
  };
  return [card, custom];
}

const lines = createWriteStream(`${folder}/fields.jsonl`), requests = createWriteStream(`${folder}/fields.json`);
for (let i = 0; i < count; i += 500) {
  const clients = Array.from({ length: Math.min(500, count - i) }, (_, k) => client(i + k));
  lines.write(clients.map(([card, custom]) => JSON.stringify({ ...card, ...custom }) + '\n').join(''));
  requests.write(JSON.stringify(clients.map(([card, custom]) => ({ ...card, custom }))) + '\n');
}
lines.end();
requests.end();
