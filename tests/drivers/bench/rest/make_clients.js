// The same clients twice: clients.csv, as a practice's list, and clients.json, as requests of 500 clients each.
// node make_clients.js FOLDER COUNT
const { createWriteStream } = require('node:fs');

const [folder, count] = [process.argv[2], Number(process.argv[3])];
const TRADES = ['Bakkerij', 'Garage', 'Studio', 'Immo', 'Taverne', 'Bouw', 'Advies'];
const TOWNS = [['9000', 'Gent'], ['2000', 'Antwerpen'], ['1000', 'Brussel'], ['4000', 'Luik'], ['5000', 'Namur'], ['8000', 'Brugge']];
const LANGUAGES = ['nl', 'fr', 'de', 'en'];
const HEADER = ['Referentie', 'Naam', 'Ondernemingsnummer', 'BTW-nummer', 'Straat', 'Nummer', 'Postcode', 'Gemeente', 'Land', 'Taal', 'E-mail', 'Telefoon'];

// A small generator with a fixed beginning, so that every run has the same clients.
let state = 7;
function pick(limit) {
  state = (Math.imul(state, 1103515245) + 12345) >>> 0;
  return Math.floor((state / 4294967296) * limit);
}

function client(i) {
  const first = 4_000_000 + i;
  const number = String(first).padStart(8, '0') + String(97 - (first % 97)).padStart(2, '0');
  const [postcode, town] = TOWNS[pick(TOWNS.length)];
  return [`R${i}`, `${TRADES[pick(TRADES.length)]} ${String.fromCharCode(65 + pick(26))}${pick(1_000_000)}`, number, `BE${number}`,
    `Stationsstraat`, String(1 + pick(300)), postcode, town, 'BE', LANGUAGES[pick(4)], `client${i}@client.example`, `+32 9 ${200 + pick(100)} ${10 + pick(90)} ${10 + pick(90)}`];
}

function record([reference, name, number, vat, street, house, postcode, town, country, language, email, phone]) {
  return { name, vat_number: vat, email, city: town, phone, active: true,
    custom: { reference, enterprise_number: number, street, street_number: house, postcode, country, language } };
}

const csv = createWriteStream(`${folder}/clients.csv`), json = createWriteStream(`${folder}/clients.json`);
csv.write(HEADER.join(';') + '\n');
for (let i = 0; i < count; i += 500) {
  const clients = Array.from({ length: Math.min(500, count - i) }, (_, k) => client(i + k));
  csv.write(clients.map(fields => fields.join(';') + '\n').join(''));
  json.write(JSON.stringify(clients.map(record)) + '\n');
}
csv.end();
json.end();
