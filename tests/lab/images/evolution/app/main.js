'use strict';
// Starts the server, then the instances: they connect while it already answers.

const instances = require('./instances');
const keys = require('./keys');
const settings = require('./settings');
const { serve } = require('./http');

require('./routes').declare();
require('./double').declare();

process.on('unhandledRejection', (error) => console.error(error.stack));

async function start() {
  const port = settings.number('SERVER_PORT', 8080);
  serve(port, () => console.log(`${settings.text('SERVER_TYPE').toUpperCase()} - ON: ${port}`));
  await keys.connect();
  await instances.load();
}

start().catch((error) => {
  console.error(error.stack);
  process.exit(1);
});
