// A stand-in for the SML and an SMP: a zone in which three of every five participants are registered, one service group
// for all of them, the configurations of knot and nginx, and the list of participants.
// node make_world.js FOLDER COUNT DNS_PORT HTTP_PORT
const { createHash } = require('node:crypto');
const { mkdirSync, writeFileSync } = require('node:fs');

const [folder, count, dnsPort, httpPort] = [process.argv[2], ...process.argv.slice(3).map(Number)];
const ZONE = 'sml.test.';
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';

function base32(bytes) {
  let text = '', value = 0, bits = 0;
  for (const byte of bytes) {
    value = (value << 8) | byte;
    for (bits += 8; bits >= 5; bits -= 5) text += ALPHABET[(value >>> (bits - 5)) & 31];
    value &= (1 << bits) - 1;
  }
  return bits ? text + ALPHABET[(value << (5 - bits)) & 31] : text;
}

function reference(document) {
  const type = `busdox-docid-qns::urn:oasis:names:specification:ubl:schema:xsd:${document}-2::${document}`
    + '##urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0::2.1';
  const participant = encodeURIComponent('iso6523-actorid-upis::0208:0000000000');
  const url = `http://127.0.0.1:${httpPort}/smp/${participant}/services/${encodeURIComponent(type)}`;
  return `<ServiceMetadataReference href="${url}"/>`;
}

const zone = [`$ORIGIN ${ZONE}`, '$TTL 60', `@ SOA ns.${ZONE} x.${ZONE} 1 3600 600 86400 60`, `@ NS ns.${ZONE}`, 'ns A 127.0.0.1'];
const participants = [];
for (let i = 0; i < count; i++) {
  const id = `0208:${String(i).padStart(10, '0')}`;
  const isRegistered = i % 5 < 3;
  const label = base32(createHash('sha256').update(id).digest());
  if (isRegistered) zone.push(`${label}.iso6523-actorid-upis NAPTR 100 10 "U" "Meta:SMP" "!.*!http://127.0.0.1:${httpPort}/smp!" .`);
  participants.push(`${id}\t${Number(isRegistered)}`);
}
const documents = ['Invoice', 'CreditNote', 'ApplicationResponse', 'Order', 'OrderResponse', 'DespatchAdvice'];
const group = '<?xml version="1.0" encoding="UTF-8"?><ServiceGroup xmlns="http://busdox.org/serviceMetadata/publishing/1.0/">'
  + '<ParticipantIdentifier xmlns="http://busdox.org/transport/identifiers/1.0/" scheme="iso6523-actorid-upis">0208:0000000000</ParticipantIdentifier>'
  + `<ServiceMetadataReferenceCollection>${documents.map(reference).join('')}</ServiceMetadataReferenceCollection></ServiceGroup>`;
const knot = `server:
  listen: 127.0.0.1@${dnsPort}
  rundir: ${folder}
  udp-workers: 1
  tcp-workers: 1
database:
  storage: ${folder}/db
zone:
  - domain: ${ZONE}
    file: ${folder}/sml.zone
    zonefile-sync: -1
    zonefile-load: whole
    journal-content: none
log:
  - target: stderr
    any: error
`;
const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(kind => `${kind}_temp_path ${folder}/${kind};`);
const nginx = `worker_processes 1;
daemon off;
pid ${folder}/nginx.pid;
error_log ${folder}/nginx.log;
events { worker_connections 4096; }
http {
  ${temporary.join('\n  ')}
  access_log off;
  keepalive_requests 1000000000;
  types { text/xml xml; }
  open_file_cache max=100;
  server {
    listen 127.0.0.1:${httpPort} backlog=4096;
    root ${folder}/www;
    location /smp/ { try_files /smp/sg.xml =404; }
  }
}
`;

mkdirSync(`${folder}/www/smp`, { recursive: true });
mkdirSync(`${folder}/db`, { recursive: true });
writeFileSync(`${folder}/sml.zone`, zone.join('\n') + '\n');
writeFileSync(`${folder}/participants.tsv`, participants.join('\n') + '\n');
writeFileSync(`${folder}/www/smp/sg.xml`, group);
writeFileSync(`${folder}/knot.conf`, knot);
writeFileSync(`${folder}/nginx.conf`, nginx);
