# Stands for upstream's migrations up to 4.6.0, all of which db/schema.rb contains. A derived image adds later ones.
class Release460 < ActiveRecord::Migration[7.1]
  def change; end
end
