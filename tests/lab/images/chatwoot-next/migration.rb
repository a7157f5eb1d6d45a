# What an upgrade brings: a migration that succeeds.
class BorgstackLabNext < ActiveRecord::Migration[7.0]
  def change
    create_table :borgstack_lab_next do |t|
      t.string :name
      t.timestamps
    end
  end
end
