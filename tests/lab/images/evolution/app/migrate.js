'use strict';
// What the original's `prisma migrate deploy` does: all tables, or an error and exit code 1.

const database = require('./database');

const CODES = { '28P01': 'P1000: Authentication failed', '28000': 'P1000: Authentication failed', '3D000': 'P1003: Database does not exist' };

database.migrate().then(
  () => database.pool.end(),
  (error) => {
    const said = CODES[error.code] || (error.severity ? error.message : "P1001: Can't reach database server");
    console.error(`Error: ${said} at \`${database.address}\``);
    process.exit(1);
  },
);
