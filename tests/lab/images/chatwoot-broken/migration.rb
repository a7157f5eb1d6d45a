# What a bad release brings: a migration that fails every time.
class BorgstackLabBroken < ActiveRecord::Migration[7.0]
  def up
    raise "lab: this migration always fails"
  end

  def down; end
end
