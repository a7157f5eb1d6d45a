# Base of all controllers. Pages carry Rails' default X-Frame-Options: SAMEORIGIN.
class ApplicationController < ActionController::Base
  include SwitchLocale
  skip_forgery_protection

  private

  # As vite_ruby does: the manifest decides, and an entry that is missing there is an error (facts 9, stale volume).
  def vite_entry(name)
    JSON.parse(Rails.public_path.join('vite/.vite/manifest.json').read).fetch("entrypoints/#{name}.js")
  end
  helper_method :vite_entry
end
