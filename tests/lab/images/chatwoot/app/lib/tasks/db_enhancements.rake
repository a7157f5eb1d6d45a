# The one task a deployer runs: db:chatwoot_prepare (facts 2). And ConfigLoader after every db:migrate.
# Traps: the schema load takes no lock; and it is ar_internal_metadata alone that decides, so when the schema was loaded
# but the seed failed (Redis down), no later run seeds and the onboarding flag is never set.
Rake::Task['db:migrate'].enhance do
  ConfigLoader.new.process
end

namespace :db do
  desc 'Load the schema and seed an empty database, then migrate'
  task chatwoot_prepare: :load_config do
    begin
      fresh = ActiveRecord::Base.with_connection { |db| !db.table_exists?('ar_internal_metadata') }
    rescue ActiveRecord::NoDatabaseError
      Rake::Task['db:setup'].invoke # needs CREATEDB
      next Rake::Task['db:migrate'].invoke
    end

    if fresh
      ActiveRecord::Tasks::DatabaseTasks.load_schema_current(:ruby, ENV['SCHEMA'])
      Rake::Task['db:seed'].invoke
    end
    Rake::Task['db:migrate'].invoke
  end
end
