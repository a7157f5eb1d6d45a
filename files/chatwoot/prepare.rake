# Runs in the one-shot container chatwoot-prepare, before web and worker of an image start: once for
# each image and each change of this folder. Running it again changes nothing, and whatever kills it,
# the next run goes on. One boot of Rails for all of it: the first deploy waits for it.
require 'fileutils'

# Whoever watches a long migration sees which step it is at, not all of them at the end.
$stdout.sync = true

module Prepare
  FROM = '/app/public'
  TO = '/mnt/public'
  # Read at a start: they come last, so that they name nothing that is not there yet.
  MANIFEST = %r{(\A|/)(manifest\.json|\.sprockets-manifest-.*\.json)\z}
  HALF = '.borgstack-new'

  module_function

  # The cause first and in one line: what follows it, people scroll past. Without PostgreSQL's
  # DETAIL, which quotes what is stored.
  def step(name)
    puts "prepare: #{name}"
    yield
  rescue StandardError, ScriptError => error
    root = error
    root = root.cause while root.cause
    message = root.message.lines.map(&:strip).reject { |line| line.empty? || line.start_with?('DETAIL', 'LINE') }.first
    warn "prepare failed at #{name}: #{root.class}: #{message}", *root.backtrace.to_a.first(40).map { |line| "  from #{line}" }
    exit 1
  end

  # Web and Caddy serve this folder all the while: a file is there whole or not at all, and one that
  # is the same stays. Files of earlier images stay for open browser tabs, which ask for them by
  # their fingerprints; of Sprockets' manifests, whose names are drawn, the image's alone.
  def assets
    Dir.glob("**/*#{HALF}", File::FNM_DOTMATCH, base: TO).each { |left| FileUtils.rm_f(File.join(TO, left)) }
    files = Dir.glob('**/*', File::FNM_DOTMATCH, base: FROM).select { |name| File.file?(File.join(FROM, name)) }
    files.sort_by { |name| [name.match?(MANIFEST) ? 1 : 0, name] }.each { |name| put(name) }
    manifests = Dir.glob('assets/.sprockets-manifest-*.json', base: TO)
    (manifests - files).each { |old| File.delete(File.join(TO, old)) }
  end

  def put(name)
    from, to = File.join(FROM, name), File.join(TO, name)
    return if File.file?(to) && FileUtils.compare_file(from, to)

    FileUtils.mkdir_p(File.dirname(to))
    FileUtils.cp(from, "#{to}#{HALF}")
    File.rename("#{to}#{HALF}", to)
  end
end

namespace :borgstack do
  task :prepare do
    Prepare.step('the database schema') { Rake::Task['db:chatwoot_prepare'].invoke }
    Prepare.step('account, administrator, settings') do
      Rake::Task['environment'].invoke
      # What the migrations have loaded knows the columns of before.
      ActiveRecord::Base.descendants.each(&:reset_column_information)
      load '/etc/borgstack/provision.rb'
    end
    Prepare.step('assets') { Prepare.assets }
    puts 'prepare: done'
  end
end
