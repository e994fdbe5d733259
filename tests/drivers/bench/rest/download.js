// Writes what is at an address to a file, and prints the seconds it took: node download.js URL KEY FILE
const http = require('node:http');
const { createWriteStream } = require('node:fs');
const { pipeline } = require('node:stream');

const [url, key, file] = process.argv.slice(2);
const began = process.hrtime.bigint();
const fail = error => { console.error(error); process.exit(1); };
http.get(url, { headers: { authorization: `Bearer ${key}` } }, answer => {
  if (answer.statusCode !== 200) return fail(`${url} answers ${answer.statusCode}`);
  pipeline(answer, createWriteStream(file), error => {
    if (error) return fail(error);
    console.log((Number(process.hrtime.bigint() - began) / 1e9).toFixed(3));
  });
}).on('error', fail);
