#!/usr/bin/env ruby
# Prints shell exports for rails.sh: where PostgreSQL is, taken from DATABASE_URL when there is one.
# Traps (facts 2): a URL without a port exports an empty port; a URL that URI rejects prints nothing at all.
require 'uri'

url = ENV['DATABASE_URL'].to_s
if url.empty?
  puts 'export POSTGRES_PORT=5432' if ENV['POSTGRES_PORT'].to_s.empty?
else
  target = URI(url)
  puts "export POSTGRES_HOST=#{target.host} POSTGRES_PORT=#{target.port} POSTGRES_USERNAME=#{target.user}"
end
